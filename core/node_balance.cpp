// Load, roles, searches and handoffs: what the policies decide, and the limits that the core
// enforces.
#include <algorithm>
#include <cassert>

#include "core/journal.h"
#include "core/node_impl.h"

namespace core {
namespace {

using Kind = TimerKey::Kind;

constexpr std::uint32_t kMovableShown = 64;  // a reply's count says "at least" from here on
constexpr std::uint32_t kMovableVisited = 256;

}  // namespace

// --- Load and role

View Node::Impl::view() const {
  return {.now = context.now,
          .self = context.self.id,
          .load = load(),
          .task_load = static_cast<Load>(1'000'000 / context.config.load.weight_thousandths),
          .role = role,
          .tasks = tasks,
          .peers = context.peers.eligible(),
          .contacts = context.peers.eligible_contacts(),
          .wishes = wishes.all(),
          .limits = context.config.limits,
          .run_time = run_time,
          .handoff_time = handoff_time,
          .parked = wishes_left.has({}),
          .max_age = policies.information->max_age()};
}

std::uint32_t Node::Impl::present() const {
  return tasks.count(Task::Phase::waiting) + tasks.count(Task::Phase::running) +
         tasks.count(Task::Phase::leaving) - outgoings.granted();
}

// Waiting + running + reserved arrivals (unless these are switched off), in thousandths, divided by
// the weight.
Load Node::Impl::load() const {
  const LoadConfig& config = context.config.load;
  const bool smoothed = config.smoothing_thousandths < 1000;
  const std::int64_t here = smoothed ? smoothed_thousandths : std::int64_t{present()} * 1000;
  const std::int64_t expected = config.reservations ? std::int64_t{incomings.count()} * 1000 : 0;
  const std::int64_t index = (here + expected) * 1000 / config.weight_thousandths;
  return static_cast<Load>(std::min<std::int64_t>(index, kMaxLoad));
}

void Node::Impl::sample_load() {
  const LoadConfig& config = context.config.load;
  const std::int64_t difference = std::int64_t{present()} * 1000 - smoothed_thousandths;
  // Rounded away from zero, or the index would stop short of where it goes and a board that has
  // fallen idle would never say so.
  const std::int64_t rounding = difference < 0 ? -999 : 999;
  smoothed_thousandths += (difference * config.smoothing_thousandths + rounding) / 1000;
  context.timers.set({Kind::load_sample}, context.now + config.sample_interval);
}

void Node::Impl::report_load() {
  std::vector<PeerInfo> others = context.peers.eligible();
  const std::size_t fanout =
      std::min<std::size_t>(policies.information->report_fanout(), others.size());
  for (std::size_t i = 0; i < fanout; ++i) {
    const std::size_t draw = i + context.rng.below(others.size() - i);
    std::swap(others[i], others[draw]);
    context.send(others[i].id, LoadReport{load(), role});
  }
  context.timers.set({Kind::load_report}, context.now + policies.information->report_interval());
}

// Looks whether this peer is a sender or receiver now, and acts upon what the step brought.
void Node::Impl::classify() {
  role = context.draining ? Role::ok : policies.transfer->classify(view());
  if (role != Role::receiver) withdraw_wishes({});
  search_upon_changes();
  if (context.config.limits.search_retry == 0 || role == Role::ok) return;
  if (!policies.location->initiates(role) || context.timers.armed({Kind::search_retry})) return;
  context.timers.set({Kind::search_retry}, context.now + pause_before_search());
}

// An arrival makes a sender search, a departure a receiver, a success either; what they do not
// settle is tried again after a while.
void Node::Impl::search_upon_changes() {
  const std::uint32_t arrived = std::exchange(arrivals, 0);
  const TaskId stuck = std::exchange(stays, TaskId{});
  const bool freed = std::exchange(departed, false);
  const bool more = std::exchange(succeeded, false) && context.config.limits.search_retry > 0;
  if (policies.location->timing() != Timing::on_changes) return;
  const Task* task = tasks.find(stuck);
  if (role == Role::sender && task != nullptr && task->phase == Task::Phase::waiting)
    context.trace(What::limit_moves, task->id, PeerId::none, task->hops);
  if (role == Role::sender)
    for (std::uint32_t i = 0; i < std::max(arrived, more ? 1u : 0u); ++i) look_for(Role::sender);
  if (role == Role::receiver && (freed || more)) look_for(Role::receiver);
}

Duration Node::Impl::pause_before_search() {
  const auto mean = static_cast<std::uint64_t>(context.config.limits.search_retry);
  if (policies.location->timing() == Timing::at_random)
    return static_cast<Duration>(context.rng.exponential(mean));
  // Spread by a quarter either way, or peers that fell idle together would ask in step.
  const std::uint64_t jitter = context.rng.below(mean / 2 + 1);
  return static_cast<Duration>(mean * 3 / 4 + jitter);
}

void Node::Impl::seek_again() {
  if (role != Role::ok && searches.count(role) == 0) look_for(role);
}

// --- Searches

void Node::Impl::look_for(Role as) {
  const LimitsConfig& limits = context.config.limits;
  if (!policies.location->initiates(as) || context.peers.eligible().empty()) return;
  if (as == Role::receiver && veto_on({}) != Veto::none) return;
  if (searches.count(as) >= limits.searches_at_once)
    return context.trace(What::limit_searches, {}, PeerId::none, limits.searches_at_once);
  const std::uint32_t transfers = as == Role::sender ? outgoings.undecided() : incomings.count();
  if (transfers >= limits.transfers_at_once)
    return context.trace(What::limit_transfers, {}, PeerId::none, limits.transfers_at_once);
  wishes.expire(context.now - limits.wish_timeout);
  TaskId task;
  if (as == Role::sender) {
    const std::optional<TaskId> selected = select(PeerId::none);
    if (!selected) return;
    task = *selected;
    context.trace(What::became_sender, task, PeerId::none, load(),
                  policies.transfer->reference(Role::sender));
  }
  proceed(searches.begin(as, task));
}

std::optional<TaskId> Node::Impl::select(PeerId receiver) {
  View now = view();
  now.seeking = receiver == PeerId::none;
  const std::optional<TaskId> selected = policies.selection->select(now, receiver);
  if (selected) {
    assert(now.movable(*tasks.find(*selected)));
    return selected;
  }
  trace_stuck(now);
  return std::nullopt;
}

// A limit that keeps what waits here from moving is never silent; the newest task stands for all.
void Node::Impl::trace_stuck(const View& now) {
  if (tasks.count(Task::Phase::waiting) == 0) return;
  context.trace(What::nothing_selected, {}, PeerId::none, tasks.count(Task::Phase::waiting));
  std::uint32_t visited = 0;
  for (auto at = tasks.all().rbegin(); at != tasks.all().rend(); ++at) {
    const Task& task = at->second;
    if (++visited > kMovableVisited) return;
    if (task.phase != Task::Phase::waiting) continue;
    if (now.movability(task) == Movability::hop_limit)
      context.trace(What::limit_moves, task.id, PeerId::none, task.hops);
    if (now.movability(task) == Movability::residence)
      context.trace(What::limit_residence, task.id, PeerId::none,
                    context.config.limits.min_residence);
    return;
  }
}

void Node::Impl::proceed(std::uint32_t id) {
  const Search* search = searches.find(id);
  if (search == nullptr) return;
  const Task* task = tasks.find(search->task);
  // The limit may have been lowered meanwhile.
  const bool moot =
      role != search->role ||
      (search->role == Role::sender && (task == nullptr || task->phase != Task::Phase::waiting ||
                                        task->hops >= context.config.limits.moves_per_task));
  if (searches.yields(id)) return searches.end(id, What::search_gave_up);
  if (moot) return searches.end(id, What::search_moot);
  if (const auto chosen = searches.proceed(id, view(), *policies.location)) follow(*chosen);
}

void Node::Impl::follow(const Chosen& chosen) {
  const LimitsConfig& limits = context.config.limits;
  const std::uint32_t transfers =
      chosen.role == Role::sender ? outgoings.undecided() : incomings.count();
  if (transfers >= limits.transfers_at_once) {
    context.trace(What::limit_transfers, chosen.task, chosen.peer, limits.transfers_at_once);
    return searches.end(chosen.search, What::search_gave_up);
  }
  if (chosen.role == Role::sender)
    return offer(*tasks.find(chosen.task), chosen.peer, chosen.search, 0);
  context.trace(What::request_sent, {}, chosen.peer, chosen.search);
  context.send(chosen.peer, Request{chosen.search, searches.probes_sent(chosen.search)});
  context.timers.set({Kind::request_timeout, chosen.search}, context.now + limits.grant_timeout);
}

void Node::Impl::offer(Task& task, PeerId to, std::uint32_t search, std::uint32_t answers) {
  const Load without = view().with(-1).load;
  tasks.set_phase(task, Task::Phase::leaving);
  outgoings.offer(task, to, search, answers, without);
}

void Node::Impl::request_timed_out(std::uint32_t search) {
  const PeerId peer = searches.awaited(search);
  if (!searches.on_refusal(search, peer, 0, Role::ok, Veto::none)) return;
  context.trace(What::request_timed_out, {}, peer, context.config.limits.grant_timeout);
  refused.push_back(search);
}

// Only now: a task that stayed may have found a free slot here meanwhile.
void Node::Impl::resume_refused() {
  for (const std::uint32_t search : std::exchange(refused, {})) proceed(search);
}

void Node::Impl::learn(PeerId peer, Load load_of_peer, Role role_of_peer) {
  context.peers.learn(peer, load_of_peer, role_of_peer, context.now);
  policies.location->learned(peer, role_of_peer);
}

void Node::Impl::on(const Probe& probe, PeerId from) {
  policies.location->learned(from, probe.role);
  Veto veto = context.draining ? Veto::draining : Veto::none;
  if (probe.role == Role::sender) {
    veto = veto_on({});
    if (veto == Veto::none && incomings.count() >= context.config.limits.transfers_at_once)
      veto = Veto::transfers_full;
  }
  const std::uint32_t movable = movable_count();
  if (probe.role == Role::receiver && role == Role::sender && movable == 0) trace_stuck(view());
  if (context.sabotaged(Sabotage::always_willing))
    return context.send(from, ProbeReply{probe.search, 0, Role::receiver, Veto::none, 0});
  if (veto != Veto::none) ++context.counters.refusals_given[static_cast<std::size_t>(veto)];
  ProbeReply reply{probe.search, load(), role, veto, movable};
  const bool helps = probe.role == Role::sender ? role == Role::receiver && veto == Veto::none
                                                : role == Role::sender && movable > 0;
  if (probe.leaves_wish && !helps) {
    wishes.expire(context.now - context.config.limits.wish_timeout);
    reply.referral = referral_for(probe, from);
    reply.referral_endpoint = context.endpoint_of(reply.referral).value_or(Endpoint{});
    reply.wish_kept = reply.referral == PeerId::none && context.config.limits.wishes > 0;
  }
  if (reply.wish_kept) {
    const Time since = std::max<Time>(0, context.now - probe.waited);
    wishes.keep({from, probe.search, probe.role, since, context.now}, context.config.limits.wishes);
    context.trace(What::wish_kept, {}, from, static_cast<std::int64_t>(probe.role));
  }
  context.send(from, reply);
}

// Two who asked here for what the other has to give are brought together: whoever asked first is
// named to the second.
PeerId Node::Impl::referral_for(const Probe& probe, PeerId from) {
  const Role other = probe.role == Role::sender ? Role::receiver : Role::sender;
  for (const Wish& wish : wishes.all()) {
    if (wish.role != other || wish.peer == from || !context.peers.is_eligible(wish.peer)) continue;
    const PeerId peer = wish.peer;
    wishes.take(peer, other);
    context.trace(What::referral_given, {}, from, static_cast<std::int64_t>(value(peer)),
                  static_cast<std::int64_t>(other));
    return peer;
  }
  return PeerId::none;
}

void Node::Impl::on(const Withdraw& withdraw, PeerId from) {
  wishes.withdraw(from, withdraw.search);
}

// What was asked for in vain, and left behind with others, is settled: by `except`, or by itself.
void Node::Impl::withdraw_wishes(TaskId task, PeerId except) {
  for (const WishesLeft::Left& left : wishes_left.end(task)) {
    const Endpoint endpoint = context.endpoint_of(left.peer).value_or(left.endpoint);
    if (left.peer != except && endpoint)
      context.send_to(left.peer, endpoint, Withdraw{left.search});
  }
}

std::uint32_t Node::Impl::movable_count() const {
  const View now = view();
  std::uint32_t count = 0;
  std::uint32_t visited = 0;
  for (auto task = tasks.all().rbegin(); task != tasks.all().rend(); ++task) {
    if (count == kMovableShown || ++visited > kMovableVisited) break;
    if (now.movable(task->second)) ++count;
  }
  return count;
}

void Node::Impl::on(const ProbeReply& reply, PeerId from) {
  learn(from, reply.load, reply.role);
  if (searches.on_reply(from, reply)) return proceed(reply.search);
  if (reply.wish_kept) context.send(from, Withdraw{reply.search});  // too late
}

void Node::Impl::on(const LoadReport& report, PeerId from) {
  learn(from, report.load, report.role);
}

// --- Handoff, source

void Node::Impl::on(const Request& request, PeerId from) {
  policies.location->learned(from, Role::receiver);
  if (context.draining) return decline(request.search, from, Veto::draining);
  if (role != Role::sender) return decline(request.search, from, Veto::not_sender);
  const std::uint32_t limit = context.config.limits.transfers_at_once;
  if (outgoings.undecided() >= limit) {
    context.trace(What::limit_transfers, {}, from, limit);
    return decline(request.search, from, Veto::transfers_full);
  }
  const std::optional<TaskId> task = select(from);
  if (!task) return decline(request.search, from, Veto::nothing_movable);
  Task& given = *tasks.find(*task);
  given.probes += request.probes;
  context.trace(What::request_accepted, given.id, from, request.probes);
  offer(given, from, 0, request.search);
}

void Node::Impl::decline(std::uint32_t search, PeerId to, Veto veto) {
  ++context.counters.refusals_given[static_cast<std::size_t>(veto)];
  context.trace(What::request_refused, {}, to, static_cast<std::int64_t>(veto), load());
  context.send(to, Decline{search, veto, load(), role});
}

void Node::Impl::on(const Reject& reject, PeerId from) {
  learn(from, reject.load, reject.role);
  if (const auto outgoing = outgoings.on_reject(from, reject))
    kept(*outgoing, reject.load, reject.role, reject.veto);
}

void Node::Impl::kept(const Outgoing& outgoing, Load load_of_peer, Role role_of_peer, Veto veto) {
  Task& task = *tasks.find(outgoing.task);
  tasks.set_phase(task, Task::Phase::waiting);
  task.not_before = context.now + context.config.limits.resend_interval;
  if (searches.on_refusal(outgoing.search, outgoing.peer, load_of_peer, role_of_peer, veto))
    refused.push_back(outgoing.search);
}

void Node::Impl::on(const BundleSent& event) {
  if (const auto outgoing = outgoings.on_bundle_sent(event)) kept(*outgoing);
}

void Node::Impl::on(const Prepared& prepared, PeerId from) {
  const auto outgoing = outgoings.on_prepared(from, prepared);
  if (!outgoing) return;
  searches.end(outgoing->search, What::search_succeeded);
  succeeded = true;
  const Task& task = *tasks.find(outgoing->task);
  unsettled[task.id] = outgoing->epoch;
  tell_of_move(task.id, outgoing->epoch, outgoing->peer, task.hops + 1, task.probes);
  withdraw_wishes(task.id, outgoing->peer);
  if (context.sabotaged(Sabotage::keep_what_is_given))
    return tasks.set_phase(*tasks.find(task.id), Task::Phase::waiting);
  context.act(DiscardTask{task.id, task.epoch});
  tasks.remove(task.id);
  smoothed_thousandths = std::max<std::int64_t>(0, smoothed_thousandths - 1000);
}

void Node::Impl::tell_of_move(TaskId task, Epoch epoch, PeerId to, std::uint32_t hops,
                              std::uint32_t probes) {
  const TaskReport moved{.task = task,
                         .epoch = epoch,
                         .state = TaskState::waiting,
                         .owner = to,
                         .hops = hops,
                         .probes = probes,
                         .status = {},
                         .owner_endpoint = context.endpoint_of(to).value_or(Endpoint{})};
  if (task.home == context.self.id)
    home.report(moved, context.self.id);
  else
    reports.tell(moved);
}

// The source's part is over once the destination has the task and the home node knows of it. Until
// then this peer, asked by the home node, must not say that it knows nothing.
void Node::Impl::settle_decision(TaskId task) {
  const auto found = unsettled.find(task);
  if (found == unsettled.end()) return;
  const Epoch epoch = found->second;
  const Outgoing* outgoing = outgoings.find(task);
  if (outgoing != nullptr && outgoing->epoch == epoch) return;
  if (reports.tells_of_move(task, epoch)) return;
  context.persist({.what = Persist::What::settled, .task = task, .epoch = epoch});
  unsettled.erase(found);
}

// After some peer has been forgotten.
void Node::Impl::settle_decisions() {
  const std::map<TaskId, Epoch> candidates = unsettled;
  for (const auto& [task, epoch] : candidates) settle_decision(task);
}

// Before a shutdown guests that wait go home, whatever the policies say.
void Node::Impl::hand_back_guests() {
  std::vector<TaskId> guests;
  bool later = false;
  for (const auto& [arrival, task] : tasks.all()) {
    if (task.id.home == context.self.id || task.phase != Task::Phase::waiting) continue;
    if (!context.peers.is_eligible(task.id.home)) continue;
    if (task.not_before > context.now)
      later = true;
    else
      guests.push_back(task.id);
  }
  for (const TaskId guest : guests) {
    if (outgoings.undecided() >= context.config.limits.transfers_at_once) break;
    Task& task = *tasks.find(guest);
    tasks.set_phase(task, Task::Phase::leaving);
    outgoings.offer(task, guest.home, 0, 0, kMaxLoad);
  }
  if (later && !context.timers.armed({Kind::search_retry}))
    context.timers.set({Kind::search_retry}, context.now + context.config.limits.resend_interval);
}

// --- Handoff, destination

Veto Node::Impl::submission_veto() const {
  if (context.draining) return Veto::draining;
  const std::uint32_t waiting = tasks.count(Task::Phase::waiting) + incomings.count();
  return waiting >= context.config.limits.queue_length ? Veto::queue_full : Veto::none;
}

Veto Node::Impl::veto_on(const Needs& needs) const {
  const Veto veto = submission_veto();
  if (veto != Veto::none) return veto;
  if (memory_pressure || needs.memory_bytes > sampled.memory_available_bytes)
    return Veto::memory_pressure;
  if (needs.bundle_bytes > sampled.disk_available_bytes) return Veto::insufficient_disk;
  return Veto::none;
}

Veto Node::Impl::judge(const Offer& offer, bool yields) {
  outgoings.superseded(offer.task, offer.epoch);
  settle_decision(offer.task);
  if (tasks.find(offer.task) != nullptr || outgoings.find(offer.task) != nullptr ||
      !incomings.supersede(offer.task, offer.epoch))
    return Veto::stale;
  if (!knows_home(offer.task)) return Veto::stale;
  const bool comes_home = offer.task.home == context.self.id;
  if (comes_home) {
    const HomeRecord* record = home.find(offer.task);
    if (record == nullptr || !record->open() || record->epoch >= offer.epoch) return Veto::stale;
    if (offer.source_load == kMaxLoad && !context.draining) return Veto::none;
  }
  const Veto veto = veto_on(offer.needs);
  if (veto != Veto::none) return veto;
  if (incomings.count() >= context.config.limits.transfers_at_once) return Veto::transfers_full;
  if (context.sabotaged(Sabotage::always_willing)) return Veto::none;
  const bool admitted = yields || policies.location->admits(view(), offer.source_load);
  return admitted ? Veto::none : Veto::policy;
}

void Node::Impl::on(const Offer& offer, PeerId from) {
  if (incomings.repeated(from, offer)) return;
  const bool asked_for = offer.search != 0 && searches.awaited(offer.search) == from;
  const bool yields = asked_for && searches.yields(offer.search);
  const Veto veto = judge(offer, yields);
  if (veto != Veto::none) {
    ++context.counters.refusals_given[static_cast<std::size_t>(veto)];
    if (veto == Veto::queue_full)
      context.trace(What::limit_queue, offer.task, from, context.config.limits.queue_length);
    if (veto == Veto::transfers_full)
      context.trace(What::limit_transfers, offer.task, from,
                    context.config.limits.transfers_at_once);
    context.trace(What::grant_refused, offer.task, from, static_cast<std::int64_t>(veto), load());
    context.send(from, Reject{offer.task, offer.epoch, veto, load(), role});
    if (asked_for) searches.end(offer.search, What::search_moot);
    return;
  }
  incomings.grant(from, offer, asked_for ? offer.search : 0, yields);
  context.trace(What::grant_given, offer.task, from, offer.epoch, load(),
                static_cast<std::int64_t>(role));
  if (!asked_for) return;
  context.trace(What::search_led_here, offer.task, from, offer.search,
                searches.probes_sent(offer.search));
  searches.end(offer.search, What::search_succeeded);
  succeeded = true;
}

void Node::Impl::on(const Decline& decline, PeerId from) {
  learn(from, decline.load, decline.role);
  if (!searches.on_refusal(decline.search, from, decline.load, decline.role, decline.veto)) return;
  ++context.counters.refusals_received[static_cast<std::size_t>(decline.veto)];
  context.trace(What::request_declined, {}, from, static_cast<std::int64_t>(decline.veto),
                decline.load);
  refused.push_back(decline.search);
}

void Node::Impl::on(const BundleReceived& event) {
  incomings.on_bundle_received(event);
  if (!event.ok || !context.sabotaged(Sabotage::start_prepared)) return;
  const auto incoming = incomings.all().find(event.task);
  if (incoming != incomings.all().end()) on(Commit{event.task, event.epoch}, incoming->second.peer);
}

void Node::Impl::on(const Commit& commit, PeerId from) {
  const auto incoming = incomings.on_commit(from, commit);
  if (!incoming) {
    const Task* task = tasks.find(commit.task);
    if (task != nullptr && task->epoch == commit.epoch)
      context.send(from, Committed{commit.task, commit.epoch});
    else if (!incomings.all().contains(commit.task))
      context.send(from, Abort{commit.task, commit.epoch});
    return;
  }
  follow_average(handoff_time, context.now - incoming->granted_at);
  Task task;
  task.id = incoming->task;
  task.epoch = incoming->epoch;
  task.offered = incoming->epoch;
  task.offerable = incoming->epoch + kEpochsAhead;
  task.needs = incoming->needs;
  task.arrived = context.now;
  task.waited_before = context.now - incoming->since;
  task.hops = incoming->hops + (context.sabotaged(Sabotage::forget_hops) ? 0 : 1);
  task.probes = incoming->probes;
  tasks.add(task, context.config.load.aging);
  unsettled.erase(task.id);
  context.send(from, Committed{commit.task, commit.epoch});
  context.trace(What::arrived, task.id, from, task.epoch, task.hops);
  tell_home(task, TaskState::waiting);
  // One that may not move on makes nobody look for room: it would be found for another task.
  if (task.hops < context.config.limits.moves_per_task)
    ++arrivals;
  else
    stays = task.id;
  const HomeRecord* record = home.find(task.id);
  if (record != nullptr && record->cancelling) stop(task.id);
  smoothed_thousandths += 1000;
  Task* owned = tasks.find(task.id);
  if (incoming->holds_slot && owned != nullptr && owned->phase == Task::Phase::waiting)
    if (has_free_slot()) start(*owned);
}

}  // namespace core
