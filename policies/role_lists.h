// What the adaptive policy remembers of its peers: three lists, by the role that each last showed.
// The head of a list is the newest news.
//
// A peer that has shown nothing yet is not stored; it is one of those at the receivers list's tail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "core/policy.h"

namespace policies {

class RoleLists {
 public:
  // From head to tail.
  using List = std::map<std::int64_t, core::PeerId>;

  // Further peers are not remembered until those that are gone have been dropped.
  static constexpr std::size_t kMaxPeers = 8192;

  const List& list(core::Role role) const { return lists_[static_cast<std::size_t>(role)]; }
  std::size_t size() const { return places_.size(); }
  bool knows(core::PeerId peer) const;
  // Does the peer stand on the role's list?
  bool shows(core::PeerId peer, core::Role role) const;

  // From whatever list it is on to the head of the role's.
  void put(core::PeerId peer, core::Role role);
  // Forgets who is among neither, both ordered by id.
  void keep_only(std::span<const core::PeerInfo> peers, std::span<const core::PeerInfo> contacts);
  // Appends the `most` that showed a role last.
  void newest(std::size_t most, std::vector<core::PeerId>& peers) const;

 private:
  struct Place {
    core::PeerId peer;
    core::Role role;
    std::int64_t position;
  };
  using Places = std::vector<Place>;

  List& on(core::Role role) { return lists_[static_cast<std::size_t>(role)]; }
  Places::const_iterator find(core::PeerId peer) const;

  Places places_;  // by peer
  List lists_[3];
  std::int64_t head_ = 0;  // the newest position; only shrinks
};

}  // namespace policies
