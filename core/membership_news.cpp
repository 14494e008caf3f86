// Membership's second half: what is believed of whom, and how it spreads.
#include <algorithm>
#include <bit>
#include <cassert>

#include "core/by_id.h"
#include "core/membership.h"

namespace core {
namespace {

// Each piece of news is told this many times log10(peers): infection reaches everybody (memberlist:
// 4).
constexpr std::uint32_t kTransmissions = 4;
// Besides news, every message repeats some members, so that lost news is made good in time.
constexpr std::size_t kTrickle = 2;

// log2 in thousandths, by repeated squaring: no float takes part in a decision.
std::uint32_t log2_thousandths(std::uint32_t number) {
  assert(number > 0);
  const auto whole = static_cast<std::uint32_t>(std::bit_width(number) - 1);
  std::uint64_t mantissa = (std::uint64_t{number} << 32) >> whole;  // 1 ... 2 in 32.32
  std::uint32_t fraction = 0;
  for (int bit = 0; bit < 14; ++bit) {
    mantissa = ((mantissa >> 16) * (mantissa >> 16));
    fraction <<= 1;
    if (mantissa >> 33) {
      fraction |= 1;
      mantissa >>= 1;
    }
  }
  return whole * 1000 + ((fraction * 1000) >> 14);
}

std::uint32_t log10_thousandths(std::uint32_t number) {
  return log2_thousandths(number) * 1000 / 3322;
}

}  // namespace

void Membership::apply(const std::vector<Member>& gossip) {
  for (const Member& news : gossip) apply(news);
}

void Membership::apply(const Member& news) {
  if (news.id == context_.self.id) return apply_to_self(news);
  const Member* known = context_.peers.find(news.id);
  if (news.state == MemberState::alive) return apply_alive(news, known);
  const bool is_new =
      known == nullptr || start_count(news.incarnation) > start_count(known->incarnation);
  if (is_new && news.state == MemberState::suspect && (known != nullptr || !bounded())) {
    // A suspect may well be alive, and that it has been started anew must not be missed.
    Member alive = news;
    alive.state = MemberState::alive;
    apply_alive(alive, known);
    known = context_.peers.find(news.id);
  }
  // Of the dead one need not hear.
  if (known == nullptr) return;
  if (news.incarnation < known->incarnation) return;
  if (news.state == MemberState::suspect) return apply_suspect(news, *known);
  apply_gone(news, *known);
}

void Membership::apply_to_self(const Member& news) {
  if (start_count(news.incarnation) > start_count(context_.self.incarnation) ||
      (news.state == MemberState::alive && news.endpoint != context_.self.endpoint &&
       news.incarnation >= context_.self.incarnation)) {
    context_.trace(What::identity_conflict, {}, news.id);
    if (start_count(news.incarnation) > start_count(context_.self.incarnation)) return;
  }
  if (news.state != MemberState::alive && news.incarnation >= context_.self.incarnation)
    refute(news.incarnation);
}

void Membership::refute(Incarnation accused) {
  context_.self.incarnation = accused + 1;
  context_.trace(What::suspicion_refuted);
  health(+1);
  spread(context_.self.id);
}

void Membership::apply_alive(const Member& news, const Member* known) {
  if (known == nullptr) {
    if (is_full()) return;  // exchanges choose whom to know
    if (context_.peers.all().size() >= context_.config->membership.max_peers)
      return context_.trace(What::peers_full, {}, news.id,
                            static_cast<std::int64_t>(context_.config->membership.max_peers));
    context_.peers.put(news);
    context_.trace(What::peer_joined, {}, news.id);
    change(news.id, PeerChange::Kind::joined);
    if (round_.empty() || bounded()) return spread(news.id);
    // Somewhere into the present round, or a steady flow of joiners could postpone it for ever.
    const std::size_t at = context_.rng.below(round_.size() + 1);
    round_.insert(round_.begin() + static_cast<std::ptrdiff_t>(at), news.id);
    return spread(news.id);
  }
  if (news.incarnation <= known->incarnation) return;
  // A contact may be known by its address alone, incarnation 0.
  const bool restarted =
      known->incarnation > 0 && start_count(news.incarnation) > start_count(known->incarnation);
  const bool was_gone = !is_live(known->state);
  const bool was_draining = known->draining;
  suspicions_.erase(news.id);
  context_.timers.cancel({Kind::suspicion, value(news.id)});
  context_.timers.cancel({Kind::forget_peer, value(news.id)});
  context_.peers.put(news);
  make_room(news.id);
  if (was_gone) context_.trace(What::peer_returned, {}, news.id);
  if (news.draining != was_draining && !restarted)
    context_.trace(news.draining ? What::peer_draining : What::peer_serves_again, {}, news.id);
  if (restarted)
    change(news.id, PeerChange::Kind::restarted);
  else if (was_gone)
    change(news.id, PeerChange::Kind::returned);
  spread(news.id);
}

void Membership::apply_suspect(const Member& news, const Member& known) {
  if (!is_live(known.state)) return;
  if (known.state == MemberState::suspect && news.incarnation == known.incarnation)
    return confirm(news.id, news.accuser);
  Member suspect = known;
  suspect.state = MemberState::suspect;
  suspect.incarnation = news.incarnation;
  suspect.accuser = news.accuser;
  context_.peers.put(suspect);
  context_.trace(What::peer_suspected, {}, news.id);
  spread(news.id);

  const MembershipConfig& config = context_.config->membership;
  const auto peers = static_cast<std::uint32_t>(context_.peers.live_count() + 1);
  const std::int64_t scale = std::max<std::int64_t>(1000, log10_thousandths(peers));
  Suspicion suspicion;
  suspicion.began = context_.now;
  suspicion.min = config.suspicion_min * config.probe_interval * scale / 1000;
  suspicion.max = suspicion.min * config.suspicion_max;
  // The accuser and the accused cannot confirm; with too few others the minimum must do.
  const std::uint32_t wanted = config.suspicion_min > 2 ? config.suspicion_min - 2 : 1;
  suspicion.expected = peers >= wanted + 2 && !is_full() ? wanted : 0;
  suspicion.accusers.insert(news.accuser);
  suspicions_[news.id] = suspicion;
  rearm(news.id);
}

void Membership::confirm(PeerId peer, PeerId accuser) {
  const auto found = suspicions_.find(peer);
  if (found == suspicions_.end()) return;
  Suspicion& suspicion = found->second;
  if (suspicion.accusers.size() > suspicion.expected) return;
  if (!suspicion.accusers.insert(accuser).second) return;
  Member suspect = *context_.peers.find(peer);
  suspect.accuser = accuser;
  context_.peers.put(suspect);
  spread(peer);  // independent suspicions are worth telling, up to as many as shorten the wait
  rearm(peer);
}

// Lifeguard: timeout = max - (max - min) * log(confirmations + 1) / log(expected + 1), at least
// min.
void Membership::rearm(PeerId peer) {
  const Suspicion& suspicion = suspicions_.at(peer);
  const auto confirmations = static_cast<std::uint32_t>(suspicion.accusers.size() - 1);
  Duration timeout = suspicion.min;
  if (confirmations < suspicion.expected) {
    const Duration span = suspicion.max - suspicion.min;
    timeout = suspicion.max -
              span * log2_thousandths(confirmations + 1) / log2_thousandths(suspicion.expected + 1);
  }
  const Time at = std::max({context_.now, suspicion.began + timeout, suspicion.not_before});
  context_.timers.set({Kind::suspicion, value(peer)}, at);
}

void Membership::apply_gone(const Member& news, const Member& known) {
  if (known.state == MemberState::left || known.state == news.state) return;
  const bool was_live = is_live(known.state);
  Member gone = known;
  gone.state = news.state;
  gone.incarnation = news.incarnation;
  suspicions_.erase(news.id);
  context_.timers.cancel({Kind::suspicion, value(news.id)});
  context_.peers.put(gone);
  context_.timers.set({Kind::forget_peer, value(news.id)},
                      context_.now + context_.config->membership.dead_retention);
  spread(news.id);
  limit_tombstones();
  if (!was_live) return;
  context_.trace(gone.state == MemberState::left ? What::peer_left : What::peer_dead, {}, gone.id);
  change(gone.id, PeerChange::Kind::gone);
}

void Membership::spread(PeerId about) {
  spreading_[about] = 0;
}

std::uint32_t Membership::transmissions() const {
  const auto peers = static_cast<std::uint32_t>(context_.peers.live_count() + 2);
  return kTransmissions * ((log10_thousandths(peers) + 999) / 1000);
}

// The receiver's own bad news first (Lifeguard's buddy system), then what was told least, then a
// trickle of everything else.
std::vector<Member> Membership::gossip_for(PeerId to) {
  std::vector<Member> gossip;
  const auto record_of = [this](PeerId id) {
    return id == context_.self.id ? self_member() : *context_.peers.find(id);
  };
  const Member* receiver = context_.peers.find(to);
  if (receiver != nullptr && receiver->state != MemberState::alive) gossip.push_back(*receiver);

  std::vector<std::pair<std::uint32_t, PeerId>> news;
  for (const auto& [id, told] : spreading_)
    if (id != to) news.emplace_back(told, id);
  std::sort(news.begin(), news.end());
  for (const auto& [told, id] : news) {
    if (gossip.size() == kMaxMembersPerMessage) return gossip;
    gossip.push_back(record_of(id));
    if (told + 1 >= transmissions())
      spreading_.erase(id);
    else
      spreading_[id] = told + 1;
  }

  if (bounded()) {
    if (gossip.size() < kMaxMembersPerMessage) gossip.push_back(self_member());
    return gossip;  // exchanges tell of the others
  }
  const auto& all = context_.peers.all();
  for (std::size_t i = 0; i < kTrickle && gossip.size() < kMaxMembersPerMessage; ++i) {
    const auto next = lower_bound_by_id(all, PeerId{value(trickle_) + 1});
    const PeerId id = next == all.end() ? context_.self.id : next->id;
    trickle_ = next == all.end() ? PeerId::none : id;
    if (id == to || (next != all.end() && next->state != MemberState::alive)) continue;
    gossip.push_back(next == all.end() ? self_member() : *next);
  }
  return gossip;
}

}  // namespace core
