#include "core/peer_table.h"

#include <cstdint>

#include "core/by_id.h"

namespace core {

const Member* PeerTable::find(PeerId id) const {
  if (last_found_ < members_.size() && members_[last_found_].id == id)
    return &members_[last_found_];
  const Member* found = find_by_id(members_, id);
  if (found == nullptr) return contacts_.empty() ? nullptr : find_by_id(contacts_, id);
  last_found_ = static_cast<std::size_t>(found - members_.data());
  return found;
}

void PeerTable::put(const Member& member) {
  const bool now_eligible = is_live(member.state) && !member.draining;
  if (is_contact(member.id)) {
    *find_by_id(contacts_, member.id) = member;
    return follow(eligible_contacts_, member.id, now_eligible);
  }
  const auto at = lower_bound_by_id(members_, member.id);
  if (at != members_.end() && at->id == member.id) {
    if (is_live(at->state)) --live_;
    *at = member;
  } else {
    members_.insert(at, member);
  }
  if (is_live(member.state)) ++live_;
  follow(eligible_, member.id, now_eligible);
}

void PeerTable::remove(PeerId id) {
  if (is_contact(id)) {
    contacts_.erase(lower_bound_by_id(contacts_, id));
    follow(eligible_contacts_, id, false);
    if (!contacts_.empty()) return;
    contacts_.shrink_to_fit();  // as a rule a peer has none
    return eligible_contacts_.shrink_to_fit();
  }
  const auto at = lower_bound_by_id(members_, id);
  if (at == members_.end() || at->id != id) return;
  if (is_live(at->state)) --live_;
  members_.erase(at);
  follow(eligible_, id, false);
}

bool PeerTable::is_contact(PeerId id) const {
  return !contacts_.empty() && find_by_id(contacts_, id) != nullptr;
}

void PeerTable::put_contact(const Member& member) {
  const auto at = lower_bound_by_id(contacts_, member.id);
  contacts_.insert(at, member);
  follow(eligible_contacts_, member.id, is_live(member.state) && !member.draining);
}

void PeerTable::retire(PeerId id) {
  const Member member = *find(id);
  remove(id);
  put_contact(member);
}

void PeerTable::admit(PeerId id) {
  const Member member = *find(id);
  remove(id);
  put(member);
}

void PeerTable::grow_older() {
  for (Member& member : members_)
    if (member.age < UINT16_MAX) ++member.age;
}

bool PeerTable::is_eligible(PeerId id) const {
  const Member* member = find(id);
  return member != nullptr && is_live(member->state) && !member->draining;
}

void PeerTable::learn(PeerId id, Load load, Role role, Time now) {
  PeerInfo* const info = find_by_id(eligible_, id);
  if (info == nullptr) return;
  info->load = load;
  info->role = role;
  info->known_at = now;
}

void PeerTable::follow(std::vector<PeerInfo>& list, PeerId id, bool now_eligible) {
  const auto at = lower_bound_by_id(list, id);
  const bool was_eligible = at != list.end() && at->id == id;
  if (now_eligible && !was_eligible) list.insert(at, PeerInfo{.id = id});
  if (!now_eligible && was_eligible) list.erase(at);
}

}  // namespace core
