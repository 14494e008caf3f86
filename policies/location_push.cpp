// Rate-based push (Minnebo and Van Houdt): a peer with a task too many asks random peers for room,
// not when one comes but at random times, as long as it has one.
#include "policies/factories.h"
#include "policies/first_fit.h"

namespace policies {
namespace {

class Push final : public core::LocationPolicy {
 public:
  core::Step next(const core::View& view, const core::Search& search, core::Rng& rng) override {
    if (!initiates(search.role)) return core::GiveUp{};
    return first_fit(view, search, rng);
  }

  bool initiates(core::Role role) const override { return role == core::Role::sender; }

  core::Timing timing() const override { return core::Timing::at_random; }

  bool admits(const core::View& view, core::Load /*source_load*/) const override {
    return view.role == core::Role::receiver;
  }
};

}  // namespace

std::unique_ptr<core::LocationPolicy> push_location(const core::PolicyConfig& /*config*/) {
  return std::make_unique<Push>();
}

}  // namespace policies
