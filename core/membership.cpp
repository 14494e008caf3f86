#include "core/membership.h"

#include <algorithm>
#include <cassert>

namespace core {
namespace {

constexpr std::size_t kMaxRelays = 64;
constexpr std::size_t kMaxNewsDatagrams = 8;  // in answer to one Join
constexpr std::size_t kMaxFarewells = 32;

// A relayed ping gives up early enough for its Nack to come before the period ends (memberlist: 80
// %).
Duration relay_timeout_of(Duration probe_timeout) {
  return probe_timeout * 4 / 5;
}

}  // namespace

Membership::Membership(Context& context, std::vector<Endpoint> seeds)
    : context_(context), seeds_(std::move(seeds)) {
  std::erase(seeds_, context_.self.endpoint);
}

void Membership::set_seeds(std::vector<Endpoint> seeds) {
  std::erase(seeds, context_.self.endpoint);
  if (seeds == seeds_) return;
  seeds_ = std::move(seeds);
  context_.timers.cancel({Kind::join});
  if (!seeds_.empty()) context_.timers.set({Kind::join}, context_.now);
}

void Membership::begin() {
  // Peers that start together must not ping in step for ever.
  const auto interval = static_cast<std::uint64_t>(context_.config->membership.probe_interval);
  const auto offset = static_cast<Duration>(context_.rng.below(interval));
  context_.timers.set({Kind::probe_period}, context_.now + offset);
  context_.timers.set({Kind::rejoin}, context_.now + context_.config->membership.rejoin_interval);
  if (!seeds_.empty()) context_.timers.set({Kind::join}, context_.now);
}

void Membership::on_message(const Endpoint& from_endpoint, const Header& header,
                            const Message& message) {
  const PeerId from = header.from;
  if (const auto* ping = std::get_if<Ping>(&message)) return on_ping(from_endpoint, from, *ping);
  if (const auto* ack = std::get_if<Ack>(&message)) {
    apply(ack->gossip);
    return on_ack(ack->sequence);
  }
  if (const auto* request = std::get_if<PingRequest>(&message))
    return on_ping_request(from_endpoint, from, *request);
  if (const auto* shuffle = std::get_if<Shuffle>(&message))
    return on_shuffle(from_endpoint, from, *shuffle);
  if (const auto* reply = std::get_if<ShuffleReply>(&message))
    return on_shuffle_reply(from, *reply);
  if (const auto* nack = std::get_if<Nack>(&message)) return on_nack(nack->sequence);
  if (const auto* join = std::get_if<Join>(&message)) return on_join(from_endpoint, *join);
  if (const auto* news = std::get_if<News>(&message)) apply(news->members);
}

void Membership::on_timer(const TimerKey& key) {
  switch (key.kind) {
    case Kind::probe_period:
      end_period(ping_);
      end_period(shuffle_);
      return begin_period();
    case Kind::ping_timeout:
      return ask_others(key.a == kShuffle ? shuffle_ : ping_);
    case Kind::relay:
      return relay_timeout(static_cast<std::uint32_t>(key.a));
    case Kind::suspicion: {
      Member dead = *context_.peers.find(PeerId{key.a});
      dead.state = MemberState::dead;
      return apply(dead);
    }
    case Kind::join:
      return try_seeds();
    case Kind::rejoin:
      return try_gone_peer();
    case Kind::forget_peer: {
      const PeerId peer{key.a};
      context_.peers.remove(peer);
      spreading_.erase(peer);
      return change(peer, PeerChange::Kind::forgotten);
    }
    default:
      assert(false);
  }
}

void Membership::tell_of_successor(const Member& successor, const Endpoint& predecessor) {
  context_.send_to(successor.id, predecessor, News{{successor}});
}

void Membership::woke_late() {
  ping_ = shuffle_ = {};
  context_.timers.cancel({Kind::ping_timeout, kPing});
  context_.timers.cancel({Kind::ping_timeout, kShuffle});
  health(+1);
  const Duration interval = scaled(context_.config->membership.probe_interval);
  context_.timers.set({Kind::probe_period}, context_.now + interval);
  // Refutations may lie unread in the socket: they must be heard before anyone is buried.
  for (auto& [peer, suspicion] : suspicions_) {
    suspicion.not_before = context_.now + suspicion.min;
    rearm(peer);
  }
}

void Membership::remember(PeerId peer) {
  if (peer == PeerId::none || peer == context_.self.id || context_.peers.find(peer)) return;
  Member absent;
  absent.id = peer;
  absent.name = to_text(peer);
  absent.state = MemberState::dead;
  context_.peers.put(absent);
  context_.timers.set({Kind::forget_peer, value(peer)},
                      context_.now + context_.config->membership.dead_retention);
}

void Membership::announce_draining() {
  ++context_.self.incarnation;
  spread(context_.self.id);
}

void Membership::leave(MemberState as) {
  Member farewell = self_member();
  farewell.state = as;
  for (const PeerId peer : random_live(kMaxFarewells, PeerId::none))
    context_.send(peer, News{{farewell}});
  const PeerTable::Members& contacts = context_.peers.contacts();
  for (std::size_t i = 0; i < std::min(contacts.size(), kMaxFarewells); ++i)
    if (is_live(contacts[i].state)) context_.send(contacts[i].id, News{{farewell}});
}

std::vector<PeerChange> Membership::take_changes() {
  return std::exchange(changes_, {});
}

Member Membership::self_member() const {
  return {.id = context_.self.id,
          .name = context_.self.name,
          .endpoint = context_.self.endpoint,
          .draining = context_.draining,
          .incarnation = context_.self.incarnation};
}

// Lifeguard: a peer whose own probes fail or which hears itself accused takes more time for
// everything.
Duration Membership::scaled(Duration duration) const {
  return duration * (1 + health_);
}

void Membership::health(int change) {
  const auto max = static_cast<int>(context_.config->membership.max_health);
  health_ = static_cast<std::uint32_t>(std::clamp(static_cast<int>(health_) + change, 0, max));
}

// SWIM's time-bounded completeness: a shuffled round reaches everybody before anybody twice.
PeerId Membership::next_target() {
  for (int tries = 0; tries < 2; ++tries) {
    while (!round_.empty()) {
      const PeerId target = round_.back();
      round_.pop_back();
      const Member* member = context_.peers.find(target);
      if (member != nullptr && is_live(member->state)) return target;
    }
    round_ = random_live(context_.peers.all().size(), PeerId::none);
  }
  return PeerId::none;
}

std::vector<PeerId> Membership::random_live(std::size_t count, PeerId except) {
  std::vector<PeerId> live;
  live.reserve(context_.peers.all().size());
  for (const Member& member : context_.peers.all())
    if (is_live(member.state) && member.id != except) live.push_back(member.id);
  const std::size_t wanted = std::min(count, live.size());
  for (std::size_t i = 0; i < wanted; ++i) {
    const std::size_t other = i + context_.rng.below(live.size() - i);
    std::swap(live[i], live[other]);
  }
  live.resize(wanted);
  return live;
}

void Membership::begin_period() {
  const MembershipConfig& config = context_.config->membership;
  context_.timers.set({Kind::probe_period}, context_.now + scaled(config.probe_interval));
  ping_ = shuffle_ = {};
  if (bounded()) begin_shuffle();
  const PeerId target = bounded() ? next_in_view() : next_target();
  if (target == PeerId::none) return;
  ping_.target = target;
  ping_.sequence = next_sequence_++;
  context_.send(target, Ping{ping_.sequence, target, gossip_for(target)});
  context_.timers.set({Kind::ping_timeout, kPing}, context_.now + scaled(config.probe_timeout));
}

void Membership::end_period(const OngoingPing& ping) {
  context_.timers.cancel({Kind::ping_timeout, &ping == &shuffle_ ? kShuffle : kPing});
  if (ping.target == PeerId::none || ping.acked) return;
  // Helpers that did not even say Nack point at this peer's own trouble.
  const std::uint32_t missing = ping.expected_nacks - std::min(ping.nacks, ping.expected_nacks);
  health(ping.expected_nacks > 0 ? static_cast<int>(missing) : +1);
  const Member* target = context_.peers.find(ping.target);
  if (target == nullptr || !is_live(target->state)) return;
  Member suspect = *target;
  suspect.state = MemberState::suspect;
  suspect.accuser = context_.self.id;
  apply(suspect);
  warn(suspect.id);
}

void Membership::ask_others(OngoingPing& ping) {
  if (ping.target == PeerId::none || ping.acked) return;
  const Member* target = context_.peers.find(ping.target);
  if (target == nullptr) return;
  const auto others = random_live(context_.config->membership.indirect_probes, ping.target);
  ping.expected_nacks = static_cast<std::uint32_t>(others.size());
  for (const PeerId other : others)
    context_.send(other,
                  PingRequest{ping.sequence, target->id, target->endpoint, gossip_for(other)});
}

void Membership::on_ping(const Endpoint& from_endpoint, PeerId from, const Ping& ping) {
  apply(ping.gossip);
  if (ping.target != context_.self.id) return;
  context_.send_to(from, from_endpoint, Ack{ping.sequence, gossip_for(from)});
}

void Membership::on_ack(std::uint32_t sequence) {
  const auto relayed = relays_.find(sequence);
  if (relayed != relays_.end()) {
    const Relay& relay = relayed->second;
    context_.send_to(relay.origin, relay.origin_endpoint,
                     Ack{relay.sequence, gossip_for(relay.origin)});
    context_.timers.cancel({Kind::relay, sequence});
    relays_.erase(relayed);
    return;
  }
  for (OngoingPing* ping : {&ping_, &shuffle_}) {
    if (sequence != ping->sequence || ping->target == PeerId::none || ping->acked) continue;
    ping->acked = true;
    context_.timers.cancel({Kind::ping_timeout, ping == &shuffle_ ? kShuffle : kPing});
    if (ping == &shuffle_) be_young(ping->target);
    health(-1);
  }
}

void Membership::on_nack(std::uint32_t sequence) {
  for (OngoingPing* ping : {&ping_, &shuffle_})
    if (sequence == ping->sequence && ping->target != PeerId::none) ++ping->nacks;
}

void Membership::on_ping_request(const Endpoint& from_endpoint, PeerId from,
                                 const PingRequest& request) {
  apply(request.gossip);
  if (relays_.size() >= kMaxRelays || request.target == context_.self.id) return;
  const std::uint32_t sequence = next_sequence_++;
  relays_[sequence] = {from, from_endpoint, request.sequence};
  context_.send_to(request.target, request.target_endpoint,
                   Ping{sequence, request.target, gossip_for(request.target)});
  context_.timers.set({Kind::relay, sequence},
                      context_.now + relay_timeout_of(context_.config->membership.probe_timeout));
}

void Membership::relay_timeout(std::uint32_t sequence) {
  const auto found = relays_.find(sequence);
  if (found == relays_.end()) return;
  const Relay relay = found->second;
  relays_.erase(found);
  context_.send_to(relay.origin, relay.origin_endpoint, Nack{relay.sequence});
}

void Membership::on_join(const Endpoint& from_endpoint, const Join& join) {
  apply(join.self);
  welcome(join.self);
  // Whoever was taken for dead learns it here first, and refutes.
  std::vector<Member> members = gossip_for(join.self.id);
  members.insert(members.begin(), self_member());
  // One who joins under the identity of a peer at another address must learn of that one.
  const Member* known = context_.peers.find(join.self.id);
  if (known != nullptr && known->endpoint != join.self.endpoint) members.push_back(*known);
  for (const PeerId id : random_live(kMaxNewsDatagrams * kMaxMembersPerMessage, join.self.id))
    members.push_back(*context_.peers.find(id));
  for (std::size_t at = 0; at < members.size(); at += kMaxMembersPerMessage) {
    const std::size_t end = std::min(at + kMaxMembersPerMessage, members.size());
    const auto first = members.begin() + static_cast<std::ptrdiff_t>(at);
    const auto last = members.begin() + static_cast<std::ptrdiff_t>(end);
    context_.send_to(join.self.id, from_endpoint, News{{first, last}});
  }
}

void Membership::try_seeds() {
  const MembershipConfig& config = context_.config->membership;
  // A seed may well be outside a bounded view, and must not be asked for ever by everybody.
  const bool at_home = bounded() && 2 * context_.peers.live_count() >= config.view;
  for (const Endpoint& seed : seeds_) {
    if (at_home) break;
    const bool known = std::any_of(
        context_.peers.all().begin(), context_.peers.all().end(),
        [&](const Member& member) { return member.endpoint == seed && is_live(member.state); });
    if (!known) context_.send_to(PeerId::none, seed, Join{self_member()});
  }
  const bool alone = context_.peers.live_count() == 0;
  const Duration pause = alone ? config.join_interval : config.rejoin_interval;
  context_.timers.set({Kind::join}, context_.now + pause);
}

// After a partition both sides hold each other for dead and would never speak again.
void Membership::try_gone_peer() {
  context_.timers.set({Kind::rejoin}, context_.now + context_.config->membership.rejoin_interval);
  std::vector<PeerId> dead;
  for (const auto* members : {&context_.peers.all(), &context_.peers.contacts()})
    for (const Member& member : *members)
      if (member.state == MemberState::dead && member.endpoint) dead.push_back(member.id);
  if (dead.empty()) return;
  const PeerId peer = dead[context_.rng.below(dead.size())];
  context_.send(peer, Ping{next_sequence_++, peer, gossip_for(peer)});
}

}  // namespace core
