// One threshold T: a sender above it, a receiver below it where one more task fits.
#include "policies/factories.h"

namespace policies {
namespace {

class Threshold final : public core::TransferPolicy {
 public:
  explicit Threshold(core::Load threshold) : threshold_(threshold) {}

  core::Role classify(const core::View& view) const override {
    if (view.load > threshold_) return core::Role::sender;
    if (view.has_room(threshold_, threshold_)) return core::Role::receiver;
    return core::Role::ok;
  }

  core::Load reference(const core::View& /*view*/, core::Role /*role*/) const override {
    return threshold_;
  }

 private:
  core::Load threshold_;
};

}  // namespace

std::unique_ptr<core::TransferPolicy> threshold_transfer(const core::PolicyConfig& config) {
  return std::make_unique<Threshold>(config.threshold);
}

}  // namespace policies
