#include "policies/first_fit.h"

#include "policies/draw.h"

namespace policies {
namespace {

bool is_willing(const core::Search& search, const core::Probed& probed) {
  return probed.state == core::Probed::State::answered && probed.veto == core::Veto::none &&
         probed.role == wanted(search.role) &&
         (search.role == core::Role::sender || probed.movable > 0);
}

}  // namespace

core::Role wanted(core::Role role) {
  return role == core::Role::sender ? core::Role::receiver : core::Role::sender;
}

std::optional<core::PeerId> first_willing(const core::View& view, const core::Search& search) {
  for (const core::Probed& probed : search.probed) {
    if (is_willing(search, probed) && is_present(view, probed.peer)) return probed.peer;
  }
  return std::nullopt;
}

bool might_have_role(const core::View& view, core::PeerId peer, core::Role role) {
  const core::PeerInfo* known = view.fresh(peer);
  return !known || known->role == role;
}

core::Step first_fit(const core::View& view, const core::Search& search, core::Rng& rng) {
  if (const auto peer = first_willing(view, search)) return core::ChoosePeer{*peer};
  if (search.probes_left == 0) return core::GiveUp{};
  const auto drawn = draw(view, search, rng, [&](core::PeerId peer) {
    return might_have_role(view, peer, wanted(search.role));
  });
  if (drawn) return core::ProbePeer{*drawn};
  return core::GiveUp{};
}

}  // namespace policies
