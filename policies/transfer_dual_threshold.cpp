// Two thresholds: a sender above the high one, a receiver below the low one. The ok band between
// them is the hysteresis: one task more or less does not turn a receiver into a sender.
#include <cassert>

#include "policies/factories.h"

namespace policies {
namespace {

class DualThreshold final : public core::TransferPolicy {
 public:
  DualThreshold(core::Load low, core::Load high) : low_(low), high_(high) { assert(low < high); }

  core::Role classify(const core::View& view) const override {
    return view.role_between(low_, high_);
  }

  core::Load reference(const core::View& /*view*/, core::Role role) const override {
    return role == core::Role::sender ? high_ : low_;
  }

 private:
  core::Load low_;
  core::Load high_;
};

}  // namespace

std::unique_ptr<core::TransferPolicy> dual_threshold_transfer(const core::PolicyConfig& config) {
  return std::make_unique<DualThreshold>(config.low, config.high);
}

}  // namespace policies
