// Rate-based pull (Minnebo and Van Houdt): a peer with room asks random peers for a task, not when
// one has ended but at random times, as long as it has room.
#include "policies/factories.h"
#include "policies/first_fit.h"

namespace policies {
namespace {

class Pull final : public core::LocationPolicy {
 public:
  core::Step next(const core::View& view, const core::Search& search, core::Rng& rng) override {
    if (!initiates(search.role)) return core::GiveUp{};
    return first_fit(view, search, rng);
  }

  bool initiates(core::Role role) const override { return role == core::Role::receiver; }

  core::Timing timing() const override { return core::Timing::at_random; }

  bool admits(const core::View& view, core::Load /*source_load*/) const override {
    return view.role == core::Role::receiver;
  }
};

}  // namespace

std::unique_ptr<core::LocationPolicy> pull_location(const core::PolicyConfig& /*config*/) {
  return std::make_unique<Pull>();
}

}  // namespace policies
