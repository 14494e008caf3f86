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

void RoleLists::keep_only(std::span<const core::PeerInfo> peers,
                          std::span<const core::PeerInfo> contacts) {
  const auto stands_in = [](std::span<const core::PeerInfo>& sorted, core::PeerId id) {
    while (!sorted.empty() && sorted.front().id < id) sorted = sorted.subspan(1);
    return !sorted.empty() && sorted.front().id == id;
  };
  std::erase_if(places_, [&](const Place& place) {
    if (stands_in(peers, place.peer) || stands_in(contacts, place.peer)) return false;
    on(place.role).erase(place.position);
    return true;
  });
}

void RoleLists::newest(std::size_t most, std::vector<core::PeerId>& peers) const {
  std::size_t left = std::min(most, places_.size());
  List::const_iterator next[] = {lists_[0].begin(), lists_[1].begin(), lists_[2].begin()};
  for (; left > 0; --left) {
    std::size_t first = 3;
    for (std::size_t i = 0; i < 3; ++i)
      if (next[i] != lists_[i].end() && (first == 3 || next[i]->first < next[first]->first))
        first = i;
    peers.push_back(next[first]++->second);
  }
}

}  // namespace policies
