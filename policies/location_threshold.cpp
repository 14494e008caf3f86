// Eager, Lazowska and Zahorjan's Threshold: a sender probes random peers until one answers that the
// task would not put it above its threshold, which a receiver says by its role.
#include "policies/factories.h"
#include "policies/first_fit.h"

namespace policies {
namespace {

class Threshold final : public core::LocationPolicy {
 public:
  core::Step next(const core::View& view, const core::Search& search, core::Rng& rng) override {
    if (!initiates(search.role)) return core::GiveUp{};
    return first_fit(view, search, rng);
  }

  bool initiates(core::Role role) const override { return role == core::Role::sender; }

  bool admits(const core::View& view, core::Load /*source_load*/) const override {
    return view.role == core::Role::receiver;
  }
};

}  // namespace

std::unique_ptr<core::LocationPolicy> threshold_location(const core::PolicyConfig& /*config*/) {
  return std::make_unique<Threshold>();
}

}  // namespace policies
