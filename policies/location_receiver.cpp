// Receiver-initiated: a peer with room asks random peers until one has a task to give away.
#include "policies/factories.h"
#include "policies/first_fit.h"

namespace policies {
namespace {

class Receiver final : public core::LocationPolicy {
 public:
  core::Step next(const core::View& view, const core::Search& search, core::Rng& rng) override {
    if (!initiates(search.role)) return core::GiveUp{};
    return first_fit(view, search, rng);
  }

  bool initiates(core::Role role) const override { return role == core::Role::receiver; }

  bool admits(const core::View& view, core::Load /*source_load*/) const override {
    return view.role == core::Role::receiver;
  }
};

}  // namespace

std::unique_ptr<core::LocationPolicy> receiver_location(const core::PolicyConfig& /*config*/) {
  return std::make_unique<Receiver>();
}

}  // namespace policies
