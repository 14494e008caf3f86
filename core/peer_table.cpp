#include "core/peer_table.h"

#include <algorithm>

namespace core {

const Member* PeerTable::find(PeerId id) const {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

void PeerTable::put(const Member& member) {
  const Member* before = find(member.id);
  if (before != nullptr && is_live(before->state)) --live_;
  members_[member.id] = member;
  if (is_live(member.state)) ++live_;
  follow(member.id, is_live(member.state) && !member.draining);
}

void PeerTable::remove(PeerId id) {
  const Member* before = find(id);
  if (before == nullptr) return;
  if (is_live(before->state)) --live_;
  members_.erase(id);
  follow(id, false);
}

bool PeerTable::is_eligible(PeerId id) const {
  return std::binary_search(eligible_.begin(), eligible_.end(), PeerInfo{.id = id},
                            [](const PeerInfo& a, const PeerInfo& b) { return a.id < b.id; });
}

void PeerTable::learn(PeerId id, Load load, Role role, Time now) {
  const auto at = place(id);
  if (at == eligible_.end() || at->id != id) return;
  at->load = load;
  at->role = role;
  at->known_at = now;
}

std::vector<PeerInfo>::iterator PeerTable::place(PeerId id) {
  return std::lower_bound(eligible_.begin(), eligible_.end(), id,
                          [](const PeerInfo& info, PeerId wanted) { return info.id < wanted; });
}

void PeerTable::follow(PeerId id, bool now_eligible) {
  const auto at = place(id);
  const bool was_eligible = at != eligible_.end() && at->id == id;
  if (now_eligible && !was_eligible) eligible_.insert(at, PeerInfo{.id = id});
  if (!now_eligible && was_eligible) eligible_.erase(at);
}

}  // namespace core
