// Every other peer that is remembered, and those of them that a policy may be shown.
//
// Where the view is bounded (MembershipConfig::view) all() is the view. A peer outside it with
// which there is business is a contact: it can be found, sent to and chosen, but is not among all()
// nor eligible().
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "core/message.h"
#include "core/policy.h"
#include "core/types.h"

namespace core {

class PeerTable {
 public:
  using Members = std::vector<Member>;

  // Valid until a peer is added or removed.
  const Member* find(PeerId id) const;
  // There will be about so many.
  void reserve(std::size_t peers);
  // Replaces the peer's news, or adds it to all(). `member` must not be an element of this table.
  void put(const Member& member);
  void remove(PeerId id);
  const Members& all() const { return members_; }  // by id

  const Members& contacts() const { return contacts_; }  // by id
  bool is_contact(PeerId id) const;
  void put_contact(Member member);  // requires that it is not in the table
  void retire(PeerId id);           // from all(), where it is, to the contacts
  void admit(PeerId id);            // from the contacts to all()
  // retire(leaving) and put(newcomer) at once, which an exchange does all the time. Requires that
  // the newcomer is not in the table.
  void supplant(PeerId leaving, const Member& newcomer);
  // One more period has gone by for all().
  void grow_older();

  // Alive or suspected, and not draining: those that may be asked for or offered work. By id.
  const std::vector<PeerInfo>& eligible() const { return eligible_; }
  const std::vector<PeerInfo>& eligible_contacts() const { return eligible_contacts_; }  // by id
  bool is_eligible(PeerId id) const;  // true of contacts, too
  // Alive or suspected: those that take part in membership.
  std::size_t live_count() const { return live_; }

  // Remembers an eligible peer's load; others are ignored.
  void learn(PeerId id, Load load, Role role, Time now);

 private:
  std::optional<Member> take(PeerId id);
  static void follow(std::vector<PeerInfo>& list, PeerId id, bool now_eligible);

  Members members_;
  Members contacts_;
  std::vector<PeerInfo> eligible_;
  std::vector<PeerInfo> eligible_contacts_;
  std::size_t live_ = 0;
  // Where find() last succeeded: who has just spoken is as a rule the next one to be answered.
  mutable std::size_t last_found_ = 0;
};

constexpr bool is_live(MemberState state) {
  return state == MemberState::alive || state == MemberState::suspect;
}

}  // namespace core
