#include "policies/role_lists.h"

#include <algorithm>

namespace policies {

RoleLists::Places::const_iterator RoleLists::find(core::PeerId peer) const {
  return std::lower_bound(places_.begin(), places_.end(), peer,
                          [](const Place& place, core::PeerId id) { return place.peer < id; });
}

bool RoleLists::knows(core::PeerId peer) const {
  const auto at = find(peer);
  return at != places_.end() && at->peer == peer;
}

bool RoleLists::shows(core::PeerId peer, core::Role role) const {
  const auto at = find(peer);
  return at != places_.end() && at->peer == peer && at->role == role;
}

void RoleLists::put(core::PeerId peer, core::Role role) {
  const auto at = places_.begin() + (find(peer) - places_.cbegin());
  const Place place{peer, role, head_ - 1};
  if (at != places_.end() && at->peer == peer) {
    on(at->role).erase(at->position);
    *at = place;
  } else {
    if (places_.size() >= kMaxPeers) return;
    places_.insert(at, place);
  }
  on(role).emplace(place.position, peer);
  head_ = place.position;
}

void RoleLists::keep_only(const std::vector<core::PeerInfo>& peers) {
  auto peer = peers.begin();
  std::erase_if(places_, [&](const Place& place) {
    while (peer != peers.end() && peer->id < place.peer) ++peer;
    if (peer != peers.end() && peer->id == place.peer) return false;
    on(place.role).erase(place.position);
    return true;
  });
}

}  // namespace policies
