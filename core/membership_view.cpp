// Membership's third part, where the view is bounded: Cyclon's exchange keeps it a random sample,
// and contacts outside it last as long as there is business with them.
#include <algorithm>
#include <iterator>

#include "core/by_id.h"
#include "core/membership.h"

namespace core {
namespace {

// Gone peers that a bounded view remembers: so that an exchange does not bring them back, and so
// that the halves of a parted network find each other again.
constexpr std::size_t kMaxTombstones = 16;

// A header tells an incarnation and not what is new with it, draining say: what the peer itself has
// to tell at that incarnation must still count as news.
Incarnation first_of_life(Incarnation incarnation) {
  return first_incarnation(start_count(incarnation));
}

}  // namespace

bool Membership::bounded() const {
  return context_.config->membership.view > 0;
}

bool Membership::is_full() const {
  return bounded() && context_.peers.live_count() >= context_.config->membership.view;
}

// --- Whom to ask

// The first of the oldest, counted round from a random place: of equals any may be it.
PeerId Membership::oldest(PeerId except) {
  const PeerTable::Members& all = context_.peers.all();
  if (all.empty()) return PeerId::none;
  const std::size_t start = context_.rng.below(all.size());
  const Member* found = nullptr;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Member& member = all[(start + i) % all.size()];
    if (member.state != MemberState::alive || member.id == except) continue;
    if (found == nullptr || member.age > found->age) found = &member;
  }
  return found == nullptr ? PeerId::none : found->id;
}

// The exchange tests the oldest; the ping tests the next oldest and, every other time, a contact.
PeerId Membership::next_in_view() {
  const PeerTable::Members& contacts = context_.peers.contacts();
  contacts_turn_ = !contacts_turn_;
  if (contacts_turn_ && !contacts.empty()) {
    const auto next = lower_bound_by_id(contacts, PeerId{value(last_contact_) + 1});
    const std::size_t start = static_cast<std::size_t>(next - contacts.begin());
    for (std::size_t i = 0; i < contacts.size(); ++i) {
      const Member& contact = contacts[(start + i) % contacts.size()];
      if (!is_live(contact.state)) continue;
      last_contact_ = contact.id;
      return contact.id;
    }
  }
  return oldest(shuffle_.target);
}

// Nobody else may know the suspect, so this peer itself gives it the chance to refute: at once, and
// one suspect again in every period.
void Membership::warn(PeerId suspect) {
  if (bounded()) context_.send(suspect, Ping{next_sequence_++, suspect, gossip_for(suspect)});
}

void Membership::warn_one() {
  if (suspicions_.empty()) return;
  auto at = suspicions_.begin();
  std::advance(at, context_.rng.below(suspicions_.size()));
  warn(at->first);
}

// --- The exchange

void Membership::begin_shuffle() {
  context_.peers.grow_older();
  warn_one();
  reviews_contacts_ = !context_.peers.contacts().empty();
  const PeerId target = oldest(PeerId::none);
  if (target == PeerId::none) return;
  shuffle_.target = target;
  shuffle_.sequence = next_sequence_++;
  std::vector<Member> members = sample(kMaxShuffled - 1, target);
  offered_.assign(1, target);  // who answers has taken one of this peer's entries: its own is free
  for (const Member& member : members) offered_.push_back(member.id);
  members.insert(members.begin(), self_member());
  context_.send(target, Shuffle{shuffle_.sequence, target, std::move(members)});
  context_.timers.set({Kind::ping_timeout, kShuffle},
                      context_.now + scaled(context_.config->membership.probe_timeout));
}

std::vector<Member> Membership::sample(std::size_t count, PeerId except) {
  std::vector<Member> members;
  members.reserve(count + 1);
  for (const PeerId id : random_live(count, except)) {
    const Member& member = *context_.peers.find(id);
    if (member.state == MemberState::alive) members.push_back(member);
  }
  return members;
}

void Membership::on_shuffle(const Endpoint& from_endpoint, PeerId from, const Shuffle& shuffle) {
  if (shuffle.target != context_.self.id) return;
  std::vector<Member> members = sample(kMaxShuffled, from);
  std::vector<PeerId> given;
  given.reserve(members.size());
  for (const Member& member : members) given.push_back(member.id);
  context_.send_to(from, from_endpoint, ShuffleReply{shuffle.sequence, std::move(members)});
  if (bounded()) exchange(shuffle.members, given);
}

void Membership::on_shuffle_reply(PeerId from, const ShuffleReply& reply) {
  if (from != shuffle_.target || reply.sequence != shuffle_.sequence || shuffle_.acked) return;
  exchange(reply.members, offered_);
  on_ack(reply.sequence);
}

// What is new takes a free place, or that of one that was given away.
void Membership::exchange(const std::vector<Member>& received, const std::vector<PeerId>& given) {
  const std::size_t view = context_.config->membership.view;
  auto next = given.begin();
  for (const Member& news : received) {
    if (news.state != MemberState::alive) continue;
    const Member* known = context_.peers.find(news.id);
    const bool is_new = known == nullptr || (is_live(known->state) && is_outside(news.id));
    if (news.id == context_.self.id || !is_new) {
      refresh(news);
      continue;
    }
    while (is_full() && next != given.end() && !may_retire(*next)) ++next;
    const bool one_too_many = is_full() && context_.peers.live_count() == view;
    if (one_too_many && known == nullptr && next != given.end()) {
      context_.peers.supplant(*next++, news);
      reviews_contacts_ = true;
      continue;
    }
    while (is_full() && next != given.end()) retire(*next++);
    if (is_full()) continue;
    if (known != nullptr) {
      refresh(news);
      context_.peers.admit(news.id);
    } else if (next == given.begin()) {
      apply(news);  // there was room: worth telling
    } else {
      context_.peers.put(news);
    }
  }
}

bool Membership::is_outside(PeerId peer) const {
  return context_.peers.is_contact(peer);
}

// Younger news of the same incarnation say that the peer was there more recently.
void Membership::refresh(const Member& news) {
  apply(news);
  const Member* known = context_.peers.find(news.id);
  if (known == nullptr || known->state != MemberState::alive || known->age <= news.age ||
      known->incarnation != news.incarnation)
    return;
  Member younger = *known;
  younger.age = news.age;
  context_.peers.put(younger);
}

// It has just spoken.
void Membership::be_young(PeerId peer) {
  const Member* member = context_.peers.find(peer);
  if (member == nullptr || member->age == 0) return;
  Member young = *member;
  young.age = 0;
  context_.peers.put(young);
}

// The view may be full, but somebody has to know a newcomer before exchanges can spread it.
void Membership::welcome(const Member& newcomer) {
  if (newcomer.id == context_.self.id || !is_full()) return;
  const Member* known = context_.peers.find(newcomer.id);
  if (known == nullptr)
    context_.peers.put(newcomer);
  else if (is_outside(newcomer.id) && is_live(known->state))
    context_.peers.admit(newcomer.id);
  make_room(newcomer.id);
}

// From the view to the contacts, where it stays if there is business with it.
void Membership::retire(PeerId peer) {
  if (!may_retire(peer)) return;
  context_.peers.retire(peer);
  reviews_contacts_ = true;
}

// A newcomer speaks up, or one that was taken for dead is back: it takes a random place.
void Membership::make_room(PeerId but) {
  while (bounded() && context_.peers.live_count() > context_.config->membership.view)
    retire(random_live(1, but).front());
}

bool Membership::may_retire(PeerId peer) const {
  const Member* member = context_.peers.find(peer);
  return member != nullptr && !is_outside(peer) && is_live(member->state);
}

// The oldest gone peers of the view are forgotten, unless there is business with them.
void Membership::limit_tombstones() {
  const Member* oldest = nullptr;
  std::size_t count = 0;
  for (const Member& member : context_.peers.all()) {
    if (is_live(member.state)) continue;
    ++count;
    if (oldest == nullptr || member.age > oldest->age) oldest = &member;
  }
  if (!bounded() || count <= kMaxTombstones) return;
  context_.peers.retire(oldest->id);
  reviews_contacts_ = true;
}

// --- Contacts

void Membership::meet(PeerId peer, const Endpoint& endpoint, Incarnation incarnation) {
  if (!bounded() || peer == context_.self.id || peer == PeerId::none || !endpoint) return;
  if (context_.peers.find(peer) != nullptr) return;
  const std::size_t known = context_.peers.all().size() + context_.peers.contacts().size();
  if (known >= context_.config->membership.max_peers)
    return context_.trace(What::peers_full, {}, peer,
                          static_cast<std::int64_t>(context_.config->membership.max_peers));
  Member contact;
  contact.id = peer;
  contact.endpoint = endpoint;
  contact.incarnation = first_of_life(incarnation);
  context_.peers.put_contact(contact);
  reviews_contacts_ = true;
}

// Nobody else may tell of a restart: few know both peers.
void Membership::heard(PeerId from, const Endpoint& endpoint, Incarnation incarnation) {
  const Member* known = bounded() ? context_.peers.find(from) : nullptr;
  if (known == nullptr || start_count(incarnation) <= start_count(known->incarnation)) return;
  Member news = *known;
  news.endpoint = endpoint;
  news.incarnation = first_of_life(incarnation);
  news.state = MemberState::alive;
  news.draining = false;
  apply(news);
}

void Membership::keep_contacts(const std::vector<PeerId>& business) {
  reviews_contacts_ = false;
  const PeerTable::Members& contacts = context_.peers.contacts();
  for (std::size_t left = contacts.size(); left > 0; --left) {
    const PeerId peer = contacts[left - 1].id;
    if (std::binary_search(business.begin(), business.end(), peer)) continue;
    context_.timers.cancel({Kind::suspicion, value(peer)});
    context_.timers.cancel({Kind::forget_peer, value(peer)});
    suspicions_.erase(peer);
    spreading_.erase(peer);
    context_.peers.remove(peer);
  }
}

}  // namespace core
