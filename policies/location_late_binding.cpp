// Late binding: a task that must wait is announced at some random peers and goes to whichever is
// free first, its own among them, so that it is never committed to the wrong queue. Announced at
// all peers this is one queue for all.
#include "policies/factories.h"
#include "policies/first_fit.h"
#include "policies/wishes.h"

namespace policies {
namespace {

class LateBinding final : public core::LocationPolicy {
 public:
  core::Step next(const core::View& view, const core::Search& search, core::Rng& rng) override {
    if (search.role == core::Role::sender)
      return ask_and_remain(view, search, rng, view.limits.probe_limit);
    if (const auto peer = first_wish(view, search)) return core::ChoosePeer{*peer};
    return core::GiveUp{};
  }

  bool initiates(core::Role role) const override { return role != core::Role::ok; }

  std::optional<core::PeerId> yields_to(const core::View& view,
                                        const core::Task& next) const override {
    return older_wish(view, next);
  }

  bool admits(const core::View& view, core::Load /*source_load*/) const override {
    return view.role == core::Role::receiver;
  }
};

}  // namespace

std::unique_ptr<core::LocationPolicy> late_binding_location(const core::PolicyConfig& /*config*/) {
  return std::make_unique<LateBinding>();
}

}  // namespace policies
