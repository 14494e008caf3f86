// Neither sender nor receiver, whatever the load: no balancing.
#include "policies/factories.h"

namespace policies {
namespace {

class Never final : public core::TransferPolicy {
 public:
  core::Role classify(const core::View& /*view*/) const override { return core::Role::ok; }

  // No load is above the one or below the other.
  core::Load reference(const core::View& /*view*/, core::Role role) const override {
    return role == core::Role::sender ? core::kMaxLoad : 0;
  }
};

}  // namespace

std::unique_ptr<core::TransferPolicy> never_transfer(const core::PolicyConfig& /*config*/) {
  return std::make_unique<Never>();
}

}  // namespace policies
