// Nothing is told unasked: what a probe did not answer is not known.
#include "policies/factories.h"

namespace policies {
namespace {

class OnDemand final : public core::InformationPolicy {
 public:
  bool piggybacks() const override { return false; }
  core::Duration report_interval() const override { return 0; }
  std::uint32_t report_fanout() const override { return 0; }
  core::Duration max_age() const override { return 0; }
};

}  // namespace

std::unique_ptr<core::InformationPolicy> on_demand_information(
    const core::PolicyConfig& /*config*/) {
  return std::make_unique<OnDemand>();
}

}  // namespace policies
