// Who is there: SWIM (Das, Gupta, Motivala 2002) with Lifeguard (Dadgar, Phillips, Currey 2017).
//
// Every period one peer is pinged, in shuffled rounds; silence is checked through others, then told
// as a suspicion, and only an unrefuted suspicion becomes a death. Boards here are overloaded by
// design, so Lifeguard's three extensions are all present: a peer that sees itself failing slows
// down (local health), a suspicion lasts the longer the fewer confirm it, and the suspect is told
// first.
//
// Where the view is bounded (MembershipConfig::view) a peer knows only so many others: a random
// sample, kept random by exchange (Cyclon). The oldest entry is exchanged with, the next oldest
// pinged; who else is told of a suspicion hardly ever knows the suspect, so it is not waited for.
// Peers outside the view with which there is business are contacts, pinged in turn.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "core/context.h"
#include "core/message.h"

namespace core {

// What the rest of the node must react to.
struct PeerChange {
  enum class Kind : std::uint8_t { joined, returned, restarted, gone, forgotten };
  PeerId peer = PeerId::none;
  Kind kind = Kind::joined;
};

class Membership {
 public:
  Membership(Context& context, std::vector<Endpoint> seeds);

  void begin();
  // Joins through these from now on, at once where they are new.
  void set_seeds(std::vector<Endpoint> seeds);
  void on_message(const Endpoint& from_endpoint, const Header& header, const Message& message);
  void on_timer(const TimerKey& key);
  // Whoever speaks from there uses the identity of a peer that has been started since: a copied or
  // an old state directory. It is told, or it would never know why nobody listens.
  void tell_of_successor(const Member& successor, const Endpoint& predecessor);
  // This process stood still: whoever seemed silent meanwhile may have been heard by nobody.
  void woke_late();
  void announce_draining();  // or that it is over
  // A peer that only the journal names: it counts as gone until it is heard of.
  void remember(PeerId peer);
  // Tells others, who take it for `left` or `dead` at once.
  void leave(MemberState as);

  // Where the view is bounded. A peer outside it that business begins with becomes a contact, if
  // there is room; whoever speaks tells that it has restarted.
  void meet(PeerId peer, const Endpoint& endpoint, Incarnation incarnation);
  void heard(PeerId from, const Endpoint& endpoint, Incarnation incarnation);
  // Is it time for keep_contacts(), which drops those that are not in `business`, ordered by id?
  bool reviews_contacts() const { return reviews_contacts_; }
  void keep_contacts(const std::vector<PeerId>& business);

  // Changes since the last call.
  std::vector<PeerChange> take_changes();

 private:
  using Kind = TimerKey::Kind;
  // Which of a period's two questions a ping_timeout is about.
  static constexpr std::uint64_t kPing = 0;
  static constexpr std::uint64_t kShuffle = 1;

  struct Suspicion {
    Duration min = 0, max = 0;
    Time began = 0;
    Time not_before = 0;         // after a standstill: refutations may lie unread
    std::uint32_t expected = 0;  // confirmations that bring it down to min
    std::set<PeerId> accusers;
  };
  struct Relay {
    PeerId origin = PeerId::none;
    Endpoint origin_endpoint;
    std::uint32_t sequence = 0;  // the origin's
  };
  struct OngoingPing {
    PeerId target = PeerId::none;
    std::uint32_t sequence = 0;
    bool acked = false;
    std::uint32_t expected_nacks = 0;
    std::uint32_t nacks = 0;
  };

  Member self_member() const;
  Duration scaled(Duration duration) const;
  PeerId next_target();
  std::vector<PeerId> random_live(std::size_t count, PeerId except);

  void begin_period();
  void end_period(const OngoingPing& ping);
  void ask_others(OngoingPing& ping);
  void on_ping(const Endpoint& from_endpoint, PeerId from, const Ping& ping);
  void on_ack(std::uint32_t sequence);
  void on_nack(std::uint32_t sequence);
  void on_ping_request(const Endpoint& from_endpoint, PeerId from, const PingRequest& request);
  void on_join(const Endpoint& from_endpoint, const Join& join);
  void relay_timeout(std::uint32_t sequence);
  void try_seeds();
  void try_gone_peer();

  // Bounded views.
  bool bounded() const;
  bool is_full() const;
  bool is_outside(PeerId peer) const;
  PeerId oldest(PeerId except);
  PeerId next_in_view();
  void warn(PeerId suspect);
  void warn_one();
  void begin_shuffle();
  std::vector<Member> sample(std::size_t count, PeerId except);
  void on_shuffle(const Endpoint& from_endpoint, PeerId from, const Shuffle& shuffle);
  void on_shuffle_reply(PeerId from, const ShuffleReply& reply);
  void exchange(const std::vector<Member>& received, const std::vector<PeerId>& given);
  void refresh(const Member& news);
  void be_young(PeerId peer);
  void welcome(const Member& newcomer);
  void retire(PeerId peer);
  bool may_retire(PeerId peer) const;
  void make_room(PeerId but);
  void limit_tombstones();

  // News.
  void apply(const std::vector<Member>& gossip);
  void apply(const Member& news);
  void apply_to_self(const Member& news);
  void apply_alive(const Member& news, const Member* known);
  void apply_suspect(const Member& news, const Member& known);
  void apply_gone(const Member& news, const Member& known);
  void confirm(PeerId peer, PeerId accuser);
  void rearm(PeerId peer);
  void refute(Incarnation accused);
  void health(int change);
  void spread(PeerId about);
  std::vector<Member> gossip_for(PeerId to);
  std::uint32_t transmissions() const;
  void change(PeerId peer, PeerChange::Kind kind) { changes_.push_back({peer, kind}); }

  Context& context_;
  std::vector<Endpoint> seeds_;
  std::vector<PeerId> round_;  // who is still to be pinged in this round, last first
  OngoingPing ping_;
  OngoingPing shuffle_;
  std::vector<PeerId> offered_;  // in the present exchange: whose places it may take
  PeerId last_contact_ = PeerId::none;
  bool contacts_turn_ = false;
  bool reviews_contacts_ = false;
  std::uint32_t next_sequence_ = 1;
  std::uint32_t health_ = 0;
  std::map<std::uint32_t, Relay> relays_;  // by our sequence
  std::map<PeerId, Suspicion> suspicions_;
  std::map<PeerId, std::uint32_t> spreading_;  // about whom, and how often it was told
  PeerId trickle_ = PeerId::none;              // the last one told without being news
  std::vector<PeerChange> changes_;
};

}  // namespace core
