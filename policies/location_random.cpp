// Eager, Lazowska and Zahorjan's Random: a task goes to a random peer that nobody asked. The one
// who gets it may pass it on under the core's hop limit.
#include <algorithm>
#include <cstddef>

#include "policies/draw.h"
#include "policies/factories.h"

namespace policies {
namespace {

class Random final : public core::LocationPolicy {
 public:
  core::Step next(const core::View& view, const core::Search& search, core::Rng& rng) override {
    if (!initiates(search.role)) return core::GiveUp{};
    // A refusal costs what a probe costs, so there are no more of them than of probes.
    const std::size_t tries = std::max<std::size_t>(1, view.limits.probe_limit);
    if (search.probed.size() >= tries) return core::GiveUp{};
    const auto drawn = draw(view, search, rng, [](core::PeerId) { return true; });
    if (drawn) return core::ChoosePeer{*drawn};
    return core::GiveUp{};
  }

  bool initiates(core::Role role) const override { return role == core::Role::sender; }

  bool admits(const core::View& /*view*/, core::Load /*source_load*/) const override {
    return true;
  }
};

}  // namespace

std::unique_ptr<core::LocationPolicy> random_location(const core::PolicyConfig& /*config*/) {
  return std::make_unique<Random>();
}

}  // namespace policies
