// Load, roles and searches: what the policies decide, and the limits that the core enforces.
#include <algorithm>
#include <cassert>

#include "core/journal.h"
#include "core/node_impl.h"

namespace core {
namespace {

using Kind = TimerKey::Kind;

constexpr std::uint32_t kMovableShown = 64;  // a reply's count says "at least" from here on
constexpr std::uint32_t kMovableVisited = 256;
constexpr std::int64_t kIdlenessWindow = 32;  // run times, and half of it is what was before

}  // namespace

// --- Load and role

View Node::Impl::view() const {
  return {.now = context.now,
          .self = context.self.id,
          .load = load(),
          .task_load = static_cast<Load>(1'000'000 / context.config->load.weight_thousandths),
          .role = role,
          .tasks = tasks,
          .peers = context.peers.eligible(),
          .contacts = context.peers.eligible_contacts(),
          .wishes = wishes.all(),
          .limits = context.config->limits,
          .run_time = run_time,
          .handoff_time = handoff_time,
          .idle_thousandths = idle_thousandths,
          .parked = wishes_left.has({}),
          .migrates = sampled.migrates && policies.migration != nullptr,
          .memory_pressure = memory_pressure,
          .migration_cost = migration_cost,
          .max_age = policies.information->max_age()};
}

std::uint32_t Node::Impl::present() const {
  return tasks.count(Task::Phase::waiting) + tasks.count(Task::Phase::running) +
         tasks.count(Task::Phase::leaving) + tasks.count(Task::Phase::migrating) -
         outgoings.granted();
}

// Waiting + running + reserved arrivals (unless these are switched off), in thousandths, divided by
// the weight.
Load Node::Impl::load() const {
  const LoadConfig& config = context.config->load;
  const bool smoothed = config.smoothing_thousandths < 1000;
  const std::int64_t here = smoothed ? smoothed_thousandths : std::int64_t{present()} * 1000;
  const std::int64_t expected = config.reservations ? std::int64_t{incomings.count()} * 1000 : 0;
  const std::int64_t index = (here + expected) * 1000 / config.weight_thousandths;
  return static_cast<Load>(std::min<std::int64_t>(index, kMaxLoad));
}

void Node::Impl::sample_load() {
  const LoadConfig& config = context.config->load;
  const std::int64_t difference = std::int64_t{present()} * 1000 - smoothed_thousandths;
  // Rounded away from zero, or the index would stop short of where it goes and a board that has
  // fallen idle would never say so.
  const std::int64_t rounding = difference < 0 ? -999 : 999;
  smoothed_thousandths += (difference * config.smoothing_thousandths + rounding) / 1000;
  context.timers.set({Kind::load_sample}, context.now + config.sample_interval);
}

// What was, until now, since the last step.
void Node::Impl::note_idleness(Duration elapsed) {
  const std::int64_t slots = context.config->load.slots;
  const std::int64_t running = tasks.count(Task::Phase::running);
  idle_slot_time += elapsed * std::max<std::int64_t>(0, slots - running);
  const Duration window = context.now - idle_since;
  if (run_time <= 0 || window / kIdlenessWindow < run_time) return;
  const std::int64_t share = std::min<std::int64_t>(1000, idle_slot_time / slots * 1000 / window);
  idle_thousandths =
      static_cast<std::int32_t>(idle_thousandths < 0 ? share : (idle_thousandths + share) / 2);
  idle_slot_time = 0;
  idle_since = context.now;
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
  const View now = view();
  role = context.draining ? Role::ok : policies.transfer->classify(now);
  // Memory is not shared out by moving what waits: whatever the load, something that runs must go.
  if (!context.draining && memory_pressure && now.migrates && tasks.count(Task::Phase::running) > 0)
    role = Role::sender;
  if (role != Role::receiver) withdraw_wishes({});
  search_upon_changes();
  if (context.config->limits.search_retry == 0 || role == Role::ok) return;
  if (!policies.location->initiates(role) || context.timers.armed({Kind::search_retry})) return;
  context.timers.set({Kind::search_retry}, context.now + pause_before_search());
}

// An arrival makes a sender search, a departure a receiver, a success either; what they do not
// settle is tried again after a while.
void Node::Impl::search_upon_changes() {
  const std::uint32_t arrived = std::exchange(arrivals, 0);
  const TaskId stuck = std::exchange(stays, TaskId{});
  const bool freed = std::exchange(departed, false);
  const bool more = std::exchange(succeeded, false) && context.config->limits.search_retry > 0;
  if (policies.location->timing() != Timing::on_changes) return;
  const Task* task = tasks.find(stuck);
  if (role == Role::sender && task != nullptr && task->phase == Task::Phase::waiting)
    context.trace(What::limit_moves, task->id, PeerId::none, task->hops);
  if (role == Role::sender)
    for (std::uint32_t i = 0; i < std::max(arrived, more ? 1u : 0u); ++i) look_for(Role::sender);
  if (role == Role::receiver && (freed || more)) look_for(Role::receiver);
}

Duration Node::Impl::pause_before_search() {
  const auto mean = static_cast<std::uint64_t>(context.config->limits.search_retry);
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
  const LimitsConfig& limits = context.config->limits;
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
    const Veto full = full_for(*tasks.find(task));
    if (full != Veto::none) return trace_full(full, task, PeerId::none);
    context.trace(What::became_sender, task, PeerId::none, load(),
                  policies.transfer->reference(view(), Role::sender));
  }
  proceed(searches.begin(as, task));
}

std::optional<TaskId> Node::Impl::select(PeerId receiver) {
  View now = view();
  now.seeking = receiver == PeerId::none;
  std::optional<TaskId> selected;
  if (!memory_pressure || !now.migrates) selected = policies.selection->select(now, receiver);
  if (!selected && now.migrates) selected = policies.migration->select(now, receiver);
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
                    context.config->limits.min_residence);
    return;
  }
}

void Node::Impl::proceed(std::uint32_t id) {
  const Search* search = searches.find(id);
  if (search == nullptr) return;
  const Task* task = tasks.find(search->task);
  // The limit may have been lowered meanwhile.
  const bool moot =
      role != search->role || (search->role == Role::sender && (task == nullptr || !may_go(*task)));
  if (searches.yields(id)) return searches.end(id, What::search_gave_up);
  if (moot) return searches.end(id, What::search_moot);
  if (const auto chosen = searches.proceed(id, view(), *policies.location)) follow(*chosen);
}

// One that was selected while it waited and runs by now goes on here, unless its process may move.
bool Node::Impl::may_go(const Task& task) const {
  if (task.hops >= context.config->limits.moves_per_task || !task.has_epochs_left()) return false;
  if (task.phase == Task::Phase::waiting) return !task.goes_on;
  return task.phase == Task::Phase::running && view().movable(task);
}

void Node::Impl::follow(const Chosen& chosen) {
  const LimitsConfig& limits = context.config->limits;
  Veto full = Veto::none;
  if (chosen.role == Role::sender)
    full = full_for(*tasks.find(chosen.task));
  else if (incomings.count() >= limits.transfers_at_once)
    full = Veto::transfers_full;
  if (full != Veto::none) {
    trace_full(full, chosen.task, chosen.peer);
    return searches.end(chosen.search, What::search_gave_up);
  }
  if (chosen.role == Role::sender)
    return offer(*tasks.find(chosen.task), chosen.peer, chosen.search, 0);
  context.trace(What::request_sent, {}, chosen.peer, chosen.search);
  context.send(chosen.peer, Request{chosen.search, searches.probes_sent(chosen.search)});
  context.timers.set({Kind::request_timeout, chosen.search}, context.now + limits.grant_timeout);
}

void Node::Impl::request_timed_out(std::uint32_t search) {
  const PeerId peer = searches.awaited(search);
  if (!searches.on_refusal(search, peer, 0, Role::ok, Veto::none)) return;
  context.trace(What::request_timed_out, {}, peer, context.config->limits.grant_timeout);
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
    if (veto == Veto::none && incomings.count() >= context.config->limits.transfers_at_once)
      veto = Veto::transfers_full;
  }
  const std::uint32_t movable = movable_count();
  if (probe.role == Role::receiver && role == Role::sender && movable == 0) {
    if (migrations_full() && tasks.count(Task::Phase::running) > 0)
      trace_full(Veto::migrations_full, {}, from);
    trace_stuck(view());
  }
  if (context.sabotaged(Sabotage::always_willing))
    return context.send(from, ProbeReply{probe.search, 0, Role::receiver, Veto::none, 0});
  if (veto != Veto::none) ++context.counters.refusals_given[static_cast<std::size_t>(veto)];
  ProbeReply reply{probe.search, load(), role, veto, movable};
  const bool helps = probe.role == Role::sender ? role == Role::receiver && veto == Veto::none
                                                : role == Role::sender && movable > 0;
  if (probe.leaves_wish && !helps) {
    wishes.expire(context.now - context.config->limits.wish_timeout);
    reply.referral = referral_for(probe, from);
    reply.referral_endpoint = context.endpoint_of(reply.referral).value_or(Endpoint{});
    reply.wish_kept = reply.referral == PeerId::none && context.config->limits.wishes > 0;
  }
  if (reply.wish_kept) {
    const Time since = std::max<Time>(0, context.now - probe.waited);
    wishes.keep({from, probe.search, probe.role, since, context.now},
                context.config->limits.wishes);
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
  View now = view();
  now.migrates = now.migrates && !migrations_full();
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

}  // namespace core
