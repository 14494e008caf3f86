#include "core/peer_table.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "core/by_id.h"

namespace core {
namespace {

// A table seldom outgrows what its view allows, and then by a few: doubling would waste half of it.
template <typename Vector, typename Value>
void insert(Vector& into, typename Vector::const_iterator at, Value&& value) {
  const auto place = at - into.cbegin();
  if (into.size() == into.capacity()) into.reserve(into.size() + into.size() / 8 + 8);
  into.insert(into.cbegin() + place, std::forward<Value>(value));
}

// Puts the value where it belongs and takes the old one out: what lies between moves up by one.
template <typename Vector, typename Value>
void supplant_in(Vector& in, typename Vector::iterator old, const Value& value) {
  auto at = lower_bound_by_id(in, value.id);
  if (at > old)
    at = std::move(std::next(old), at, old);
  else
    std::move_backward(at, old, std::next(old));
  *at = value;
}

bool may_be_asked(const Member& member) {
  return is_live(member.state) && !member.draining;
}

}  // namespace

const Member* PeerTable::find(PeerId id) const {
  if (last_found_ < members_.size() && members_[last_found_].id == id)
    return &members_[last_found_];
  const Member* found = find_by_id(members_, id);
  if (found == nullptr) return contacts_.empty() ? nullptr : find_by_id(contacts_, id);
  last_found_ = static_cast<std::size_t>(found - members_.data());
  return found;
}

void PeerTable::reserve(std::size_t peers) {
  members_.reserve(peers);
  eligible_.reserve(peers);
}

void PeerTable::put(const Member& member) {
  if (is_contact(member.id)) {
    *find_by_id(contacts_, member.id) = member;
    return follow(eligible_contacts_, member.id, may_be_asked(member));
  }
  const auto at = lower_bound_by_id(members_, member.id);
  bool was_eligible = false;
  if (at != members_.end() && at->id == member.id) {
    was_eligible = may_be_asked(*at);
    if (is_live(at->state)) --live_;
    *at = member;
  } else {
    insert(members_, at, member);
  }
  if (is_live(member.state)) ++live_;
  if (was_eligible != may_be_asked(member)) follow(eligible_, member.id, !was_eligible);
}

void PeerTable::remove(PeerId id) {
  if (!is_contact(id)) {
    take(id);
    return;
  }
  contacts_.erase(lower_bound_by_id(contacts_, id));
  follow(eligible_contacts_, id, false);
  if (4 * contacts_.size() > contacts_.capacity()) return;
  contacts_.shrink_to_fit();  // as a rule a peer has none, or one
  eligible_contacts_.shrink_to_fit();
}

// Out of all(), if it is there.
std::optional<Member> PeerTable::take(PeerId id) {
  const auto at = lower_bound_by_id(members_, id);
  if (at == members_.end() || at->id != id) return std::nullopt;
  std::optional<Member> taken = std::move(*at);
  if (is_live(taken->state)) --live_;
  members_.erase(at);
  follow(eligible_, id, false);
  return taken;
}

bool PeerTable::is_contact(PeerId id) const {
  return !contacts_.empty() && find_by_id(contacts_, id) != nullptr;
}

void PeerTable::put_contact(Member member) {
  const PeerId id = member.id;
  const bool eligible = may_be_asked(member);
  insert(contacts_, lower_bound_by_id(contacts_, id), std::move(member));
  follow(eligible_contacts_, id, eligible);
}

void PeerTable::retire(PeerId id) {
  put_contact(*take(id));
}

void PeerTable::supplant(PeerId leaving, const Member& newcomer) {
  const auto old = lower_bound_by_id(members_, leaving);
  if (!may_be_asked(*old) || !may_be_asked(newcomer)) {
    retire(leaving);
    return put(newcomer);
  }
  put_contact(std::move(*old));
  supplant_in(members_, old, newcomer);
  supplant_in(eligible_, lower_bound_by_id(eligible_, leaving), PeerInfo{.id = newcomer.id});
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
  return member != nullptr && may_be_asked(*member);
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
  if (now_eligible && !was_eligible) insert(list, at, PeerInfo{.id = id});
  if (!now_eligible && was_eligible) list.erase(at);
}

}  // namespace core
