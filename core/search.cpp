#include "core/search.h"

#include <algorithm>
#include <cassert>

namespace core {
namespace {

using Kind = TimerKey::Kind;

std::size_t side(Role role) {
  return role == Role::sender ? 0 : 1;
}

}  // namespace

std::uint32_t Searches::begin(Role role, TaskId task) {
  assert(role != Role::ok);
  const LimitsConfig& limits = context_.config->limits;
  const std::uint32_t id = next_id_++;
  Active active;
  active.search.id = id;
  active.search.role = role;
  active.search.task = task;
  active.search.probes_left = limits.probe_limit;
  active.probe_limit = limits.probe_limit;
  active.deadline = context_.now + limits.search_timeout;
  ++counts_[side(role)];
  context_.timers.set({Kind::search_deadline, id}, active.deadline);
  context_.trace(What::search_started, task, PeerId::none, id, static_cast<std::int64_t>(role),
                 limits.probe_limit);
  if (Task* found = tasks_.find(task)) found->searching = true;
  searches_.emplace(id, std::move(active));
  return id;
}

Chosen Searches::begin_yielding(PeerId peer) {
  Active& active = searches_.at(begin(Role::receiver, {}));
  active.yields = true;
  ++yielding_;
  return choose(active, peer);
}

bool Searches::yields(std::uint32_t search) const {
  const auto found = searches_.find(search);
  return found != searches_.end() && found->second.yields;
}

const Search* Searches::find(std::uint32_t search) const {
  const auto found = searches_.find(search);
  return found == searches_.end() ? nullptr : &found->second.search;
}

std::uint32_t Searches::probes_sent(std::uint32_t search) const {
  const Active& active = searches_.at(search);
  return active.probe_limit - active.search.probes_left;
}

std::uint32_t Searches::count(Role role) const {
  return counts_[side(role)];
}

std::optional<Chosen> Searches::proceed(std::uint32_t id, const View& view,
                                        LocationPolicy& policy) {
  Active& active = searches_.at(id);
  Search& search = active.search;
  assert(pending(active) == nullptr);
  if (context_.now >= active.deadline) {
    on_deadline(id);
    return std::nullopt;
  }
  const Step step = policy.next(view, search, context_.rng);
  if (const auto* choice = std::get_if<ChoosePeer>(&step)) return choose(active, choice->peer);
  const auto* ask = std::get_if<ProbePeer>(&step);
  if (ask != nullptr && search.probes_left > 0) {
    probe(active, *ask);
    return std::nullopt;
  }
  // Asking by an offer right away, as Random does, costs what a probe costs.
  const std::uint32_t limit = active.probe_limit;
  if (limit > 0 && (search.probes_left == 0 || search.probed.size() >= limit))
    context_.trace(What::limit_probes, search.task, PeerId::none, id, limit);
  end(id, What::search_gave_up);
  return std::nullopt;
}

Chosen Searches::choose(Active& active, PeerId peer) {
  Search& search = active.search;
  assert(context_.peers.is_eligible(peer));
  const auto known = std::find_if(search.probed.begin(), search.probed.end(),
                                  [&](const Probed& entry) { return entry.peer == peer; });
  if (known == search.probed.end()) {
    trace_referral(search, peer);
    search.probed.push_back({.peer = peer});
  } else {
    assert(known->state == Probed::State::answered);
    known->state = Probed::State::pending;
  }
  active.chosen = true;
  const Role other = search.role == Role::sender ? Role::receiver : Role::sender;
  if (wishes_.take(peer, other)) context_.trace(What::wish_used, search.task, peer, search.id);
  context_.trace(What::peer_chosen, search.task, peer, search.id);
  return {search.id, search.role, search.task, peer};
}

// If another peer said that this one would do.
void Searches::trace_referral(const Search& search, PeerId peer) {
  const auto by = std::find_if(search.probed.begin(), search.probed.end(),
                               [&](const Probed& entry) { return entry.referral == peer; });
  if (by == search.probed.end()) return;
  context_.trace(What::referral_followed, search.task, peer, search.id,
                 static_cast<std::int64_t>(value(by->peer)));
}

void Searches::probe(Active& active, const ProbePeer& ask) {
  Search& search = active.search;
  const PeerId peer = ask.peer;
  assert(context_.peers.is_eligible(peer) && !search.asked(peer));
  const std::uint32_t limit = active.probe_limit;
  if (!context_.sabotaged(Sabotage::probe_on)) --search.probes_left;
  if (Task* task = tasks_.find(search.task)) ++task->probes;
  search.probed.push_back({.peer = peer});
  context_.trace(What::probe_sent, search.task, peer, search.id, limit - search.probes_left, limit);
  const Task* waiting = tasks_.find(search.task);
  const Duration waited = waiting == nullptr ? 0 : std::min(waiting->age(context_.now), kMaxWaited);
  context_.send(peer, Probe{search.id, search.role, ask.leaves_wish, waited});
  context_.timers.set({Kind::probe_timeout, search.id},
                      context_.now + context_.config->limits.probe_timeout);
}

Probed* Searches::pending(Active& active) {
  for (Probed& entry : active.search.probed)
    if (entry.state == Probed::State::pending) return &entry;
  return nullptr;
}

bool Searches::on_reply(PeerId from, const ProbeReply& reply) {
  const auto found = searches_.find(reply.search);
  if (found == searches_.end() || found->second.chosen) return false;
  Active& active = found->second;
  Probed* entry = pending(active);
  if (entry == nullptr || entry->peer != from) return false;
  *entry = {from,       Probed::State::answered, reply.load,    reply.role,
            reply.veto, reply.movable,           reply.referral};
  if (reply.veto != Veto::none)
    ++context_.counters.refusals_received[static_cast<std::size_t>(reply.veto)];
  if (reply.wish_kept) note_wish(active.search, from);
  context_.timers.cancel({Kind::probe_timeout, reply.search});
  // A sender that has nothing to give is of no use to a receiver, whatever its load.
  const bool nothing_to_give = active.search.role == Role::receiver && reply.role == Role::sender &&
                               reply.veto == Veto::none && reply.movable == 0;
  const Veto but = nothing_to_give ? Veto::nothing_movable : reply.veto;
  context_.trace(What::probe_answered, active.search.task, from, reply.load,
                 static_cast<std::int64_t>(reply.role), static_cast<std::int64_t>(but));
  return true;
}

void Searches::note_wish(const Search& search, PeerId peer) {
  const Endpoint endpoint = context_.endpoint_of(peer).value_or(Endpoint{});
  if (!left_.add(search.task, {peer, search.id, endpoint})) return;
  Task* task = tasks_.find(search.task);
  if (task == nullptr) return;
  const LimitsConfig& limits = context_.config->limits;
  task->wished_until =
      context_.now + (limits.search_retry > 0 ? limits.search_retry : limits.wish_timeout);
}

bool Searches::on_probe_timeout(std::uint32_t id) {
  const auto found = searches_.find(id);
  if (found == searches_.end() || found->second.chosen) return false;
  Active& active = found->second;
  Probed* entry = pending(active);
  if (entry == nullptr) return false;
  entry->state = Probed::State::silent;
  context_.trace(What::probe_timed_out, active.search.task, entry->peer,
                 context_.config->limits.probe_timeout);
  return true;
}

bool Searches::on_refusal(std::uint32_t id, PeerId peer, Load load, Role role, Veto veto) {
  if (peer == PeerId::none || awaited(id) != peer) return false;
  Active& active = searches_.at(id);
  *pending(active) = {peer, Probed::State::refused, load, role, veto, 0, PeerId::none};
  active.chosen = false;
  context_.timers.cancel({Kind::request_timeout, id});
  return true;
}

void Searches::on_deadline(std::uint32_t id) {
  const auto found = searches_.find(id);
  // Once a peer is chosen the handoff's own time limits rule; proceed() looks at the deadline
  // again.
  if (found == searches_.end() || found->second.chosen) return;
  context_.trace(What::limit_search_time, found->second.search.task, PeerId::none, id,
                 context_.config->limits.search_timeout);
  end(id, What::search_gave_up);
}

void Searches::end(std::uint32_t id, What why) {
  const auto found = searches_.find(id);
  if (found == searches_.end()) return;
  const Search& search = found->second.search;
  context_.trace(why, search.task, PeerId::none, id,
                 static_cast<std::int64_t>(search.probed.size()));
  if (Task* task = tasks_.find(search.task)) task->searching = false;
  --counts_[side(search.role)];
  if (found->second.yields) --yielding_;
  for (const Kind kind : {Kind::probe_timeout, Kind::search_deadline, Kind::request_timeout})
    context_.timers.cancel({kind, id});
  searches_.erase(found);
}

PeerId Searches::awaited(std::uint32_t id) const {
  const auto found = searches_.find(id);
  if (found == searches_.end() || !found->second.chosen) return PeerId::none;
  for (const Probed& entry : found->second.search.probed)
    if (entry.state == Probed::State::pending) return entry.peer;
  return PeerId::none;
}

void Searches::partners(std::vector<PeerId>& peers) const {
  for (const auto& [id, active] : searches_) {
    for (const Probed& probed : active.search.probed) {
      peers.push_back(probed.peer);
      if (probed.referral != PeerId::none) peers.push_back(probed.referral);
    }
  }
}

}  // namespace core
