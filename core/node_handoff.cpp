// Handoffs, seen from both ends: who may give what to whom, and what becomes of it. The protocol's
// own state is in handoff.h.
#include <algorithm>
#include <cassert>

#include "core/journal.h"
#include "core/node_impl.h"

namespace core {
namespace {

using Kind = TimerKey::Kind;

constexpr Duration kPauseAfterFailure = 5 * kSecond;  // of moving a running task; doubles to x16

}  // namespace

// Is there a way to the peer later on? One may speak that the table has no room for.
bool Node::Impl::remembers(PeerId peer) const {
  return peer == context.self.id || context.peers.find(peer) != nullptr;
}

// --- Source

void Node::Impl::offer(Task& task, PeerId to, std::uint32_t search, std::uint32_t answers,
                       bool wanted) {
  const Load without = view().with(-1).load;
  tasks.set_phase(task, task.has_process() ? Task::Phase::migrating : Task::Phase::leaving);
  outgoings.offer(task, to, search, answers, without, wanted);
}

void Node::Impl::on(const MigrateRequested& event) {
  Task* task = tasks.find(event.task);
  const Veto veto = veto_on_wish(task, event.to);
  if (veto != Veto::none || task == nullptr)
    return context.trace(What::wish_refused, event.task, event.to, static_cast<std::int64_t>(veto));
  const PeerId to = event.to == PeerId::none ? least_loaded() : event.to;
  context.trace(What::migration_wished, task->id, to);
  offer(*task, to, 0, 0, true);
}

// Limits hold for its user, too.
Veto Node::Impl::veto_on_wish(const Task* task, PeerId to) const {
  if (task == nullptr) return Veto::stale;
  const bool waits = task->phase == Task::Phase::waiting;
  const bool runs = task->phase == Task::Phase::running;
  if (runs && !sampled.migrates) return Veto::no_migration;
  const bool fixed =
      task->pinned || task->held || task->stopping || (runs ? !task->migratable : task->goes_on);
  const bool moved_enough =
      task->hops >= context.config->limits.moves_per_task || !task->has_epochs_left();
  if ((!waits && !runs) || fixed || moved_enough) return Veto::nothing_movable;
  const PeerId peer = to == PeerId::none ? least_loaded() : to;
  return context.peers.is_eligible(peer) ? full_for(*task) : Veto::no_peer;
}

// As many as may be are leaving: this one has to wait until one of them has left.
Veto Node::Impl::full_for(const Task& task) const {
  const LimitsConfig& limits = context.config->limits;
  if (outgoings.undecided() >= limits.transfers_at_once) return Veto::transfers_full;
  return task.has_process() && migrations_full() ? Veto::migrations_full : Veto::none;
}

bool Node::Impl::migrations_full() const {
  const std::uint32_t more = context.sabotaged(Sabotage::one_migration_more) ? 1 : 0;
  return tasks.count(Task::Phase::migrating) >= context.config->limits.migrations_at_once + more;
}

void Node::Impl::trace_full(Veto veto, TaskId task, PeerId peer) {
  const LimitsConfig& limits = context.config->limits;
  if (veto == Veto::transfers_full)
    context.trace(What::limit_transfers, task, peer, limits.transfers_at_once);
  if (veto == Veto::migrations_full)
    context.trace(What::limit_migrations, task, peer, limits.migrations_at_once);
}

// As far as is known; none if there is nobody.
PeerId Node::Impl::least_loaded() const {
  const PeerInfo* least = nullptr;
  for (const PeerInfo& peer : context.peers.eligible())
    if (least == nullptr || peer.load < least->load) least = &peer;
  return least == nullptr ? PeerId::none : least->id;
}

void Node::Impl::on(const Request& request, PeerId from) {
  policies.location->learned(from, Role::receiver);
  if (context.draining) return decline(request.search, from, Veto::draining);
  if (!remembers(from)) return decline(request.search, from, Veto::stale);
  if (role != Role::sender) return decline(request.search, from, Veto::not_sender);
  if (outgoings.undecided() >= context.config->limits.transfers_at_once) {
    trace_full(Veto::transfers_full, {}, from);
    return decline(request.search, from, Veto::transfers_full);
  }
  const std::optional<TaskId> task = select(from);
  if (!task) return decline(request.search, from, Veto::nothing_movable);
  Task& given = *tasks.find(*task);
  if (const Veto full = full_for(given); full != Veto::none) {
    trace_full(full, given.id, from);
    return decline(request.search, from, full);
  }
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
  tasks.set_phase(task, outgoing.running ? Task::Phase::running : Task::Phase::waiting);
  task.not_before = context.now + context.config->limits.resend_interval;
  if (outgoing.stage == Outgoing::Stage::transferring) {
    // It has been frozen for nothing: not again and again.
    if (outgoing.running)
      task.not_before = context.now + backoff(kPauseAfterFailure, task.failed_moves);
    ++task.failed_moves;
  } else {
    ++task.refusals;
  }
  if (searches.on_refusal(outgoing.search, outgoing.peer, load_of_peer, role_of_peer, veto))
    refused.push_back(outgoing.search);
}

void Node::Impl::on(const BundleSent& event) {
  Task* task = tasks.find(event.task);
  if (task != nullptr && event.unmigratable) {
    task->migratable = false;
    context.trace(What::not_migratable, task->id);
  }
  if (const auto outgoing = outgoings.on_bundle_sent(event)) kept(*outgoing);
}

void Node::Impl::on(const Prepared& prepared, PeerId from) {
  if (prepared.process_lost)
    if (const auto lost = outgoings.on_lost_copy(from, prepared)) return kept(*lost);
  const auto outgoing = outgoings.on_prepared(from, prepared);
  if (!outgoing) return;
  searches.end(outgoing->search, What::search_succeeded);
  succeeded = true;
  const Task& task = *tasks.find(outgoing->task);
  if (outgoing->running)
    migration_cost.learn(task.resident_bytes, context.now - outgoing->granted_at);
  unsettled[task.id] = outgoing->epoch;
  tell_of_move(task.id, outgoing->epoch, outgoing->peer, task.hops + 1, task.probes);
  withdraw_wishes(task.id, outgoing->peer);
  if (context.sabotaged(Sabotage::keep_what_is_given))
    return tasks.set_phase(*tasks.find(task.id),
                           outgoing->running ? Task::Phase::running : Task::Phase::waiting);
  if (context.sabotaged(Sabotage::resume_what_is_given))
    context.act(CancelBundle{task.id, outgoing->epoch});
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

// --- Destination

Veto Node::Impl::submission_veto() const {
  if (context.draining) return Veto::draining;
  if (sampled.journal_fails) return Veto::journal;
  const std::uint32_t waiting = tasks.count(Task::Phase::waiting) + incomings.count();
  return waiting >= context.config->limits.queue_length ? Veto::queue_full : Veto::none;
}

Veto Node::Impl::veto_on(const Needs& needs) const {
  const Veto veto = submission_veto();
  if (veto != Veto::none) return veto;
  if (memory_pressure || needs.memory_bytes > sampled.memory_available_bytes)
    return Veto::memory_pressure;
  if (needs.bundle_bytes > sampled.disk_available_bytes) return Veto::insufficient_disk;
  return Veto::none;
}

// Its process goes on at once, with the memory that it has.
Veto Node::Impl::veto_on_running(const Offer& offer) const {
  if (!sampled.migrates) return Veto::no_migration;
  if (!has_free_slot()) return Veto::no_slot;
  if (offer.image_bytes > sampled.memory_available_bytes) return Veto::memory_pressure;
  const bool full = incomings.running() >= context.config->limits.migrations_at_once;
  return full ? Veto::migrations_full : Veto::none;
}

Veto Node::Impl::judge(const Offer& offer, bool yields) {
  outgoings.superseded(offer.task, offer.epoch);
  settle_decision(offer.task);
  if (tasks.find(offer.task) != nullptr || outgoings.find(offer.task) != nullptr ||
      !incomings.supersede(offer.task, offer.epoch))
    return Veto::stale;
  if (!remembers(context.sender) || !remembers(offer.task.home)) return Veto::stale;
  const bool comes_home = offer.task.home == context.self.id;
  if (comes_home) {
    const HomeRecord* record = home.find(offer.task);
    if (record == nullptr || !record->open() || record->epoch >= offer.epoch) return Veto::stale;
    if (offer.source_load == kLeaving && !context.draining) return Veto::none;
  }
  Veto veto = veto_on(offer.needs);
  if (veto == Veto::none && offer.running) veto = veto_on_running(offer);
  if (veto != Veto::none) return veto;
  if (incomings.count() >= context.config->limits.transfers_at_once) return Veto::transfers_full;
  if (context.sabotaged(Sabotage::always_willing)) return Veto::none;
  const bool admitted =
      yields || offer.wanted || policies.location->admits(view(), offer.source_load);
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
      context.trace(What::limit_queue, offer.task, from, context.config->limits.queue_length);
    trace_full(veto, offer.task, from);
    context.trace(What::grant_refused, offer.task, from, static_cast<std::int64_t>(veto), load());
    context.send(from, Reject{offer.task, offer.epoch, veto, load(), role});
    if (asked_for) searches.end(offer.search, What::search_moot);
    return;
  }
  incomings.grant(from, offer, asked_for ? offer.search : 0, yields || offer.running);
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
  if (!incoming->running) follow_average(handoff_time, context.now - incoming->granted_at);
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
  task.ran_before = incoming->ran;
  task.goes_on = incoming->running;
  tasks.add(task, context.config->load.aging);
  // After a restart an earlier decision may still have been open.
  outgoings.superseded(task.id, task.epoch);
  unsettled.erase(task.id);
  context.send(from, Committed{commit.task, commit.epoch});
  context.trace(What::arrived, task.id, from, task.epoch, task.hops);
  tell_home(task, TaskState::waiting);
  // One that may not move on makes nobody look for room: it would be found for another task.
  if (task.hops < context.config->limits.moves_per_task)
    ++arrivals;
  else
    stays = task.id;
  stop_if_cancelled(task.id);
  smoothed_thousandths += 1000;
  Task* owned = tasks.find(task.id);
  if (owned == nullptr || owned->phase != Task::Phase::waiting) return;
  await_lease(*owned);
  if (incoming->process_lost) return interrupt(*owned);
  // The slot may have gone while its source could not be reached: then it waits as it is.
  if (!incoming->holds_slot || !has_free_slot()) return;
  if (owned->startable)
    start(*owned);
  else
    slots_kept.insert(owned->id);
}

}  // namespace core
