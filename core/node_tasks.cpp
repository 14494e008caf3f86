// The life of a task at its owner and at its home node.
#include <cassert>
#include <utility>

#include "core/journal.h"
#include "core/node_impl.h"

namespace core {

using Kind = TimerKey::Kind;

void Node::Impl::on(const TaskSubmitted& event) {
  assert(event.task.home == context.self.id);
  const Veto veto = submission_veto();
  if (veto != Veto::none) {
    refuse(event.task, veto);
    return context.act(Refused{event.task, veto});
  }
  Task task;
  task.id = event.task;
  task.epoch = 1;
  task.offered = 1;
  task.offerable = task.epoch + kEpochsAhead;
  task.needs = event.needs;
  task.needs.lease = event.restarts ? context.config->limits.lease : 0;
  task.arrived = context.now;
  task.pinned = event.pinned;
  tasks.add(task, context.config->load.aging);
  context.persist({.what = Persist::What::submitted,
                   .task = task.id,
                   .epoch = task.epoch,
                   .peer = context.self.id,
                   .needs = task.needs,
                   .pinned = task.pinned});
  home.add(task.id, task.needs, task.pinned);
  context.act(Accepted{task.id});
  context.trace(What::task_submitted, task.id, PeerId::none, task.needs.priority, load(),
                policies.transfer->reference(view(), Role::sender));
  ++arrivals;
}

void Node::Impl::on(const SubmissionTurnedAway& event) {
  refuse({}, event.veto);
}

void Node::Impl::refuse(TaskId task, Veto veto) {
  if (veto == Veto::queue_full)
    context.trace(What::limit_queue, task, PeerId::none, context.config->limits.queue_length);
  context.trace(What::task_refused, task, PeerId::none, static_cast<std::int64_t>(veto));
}

void Node::Impl::on(const CancelRequested& event) {
  if (!home.cancel(event.task)) return;
  const HomeRecord* record = home.find(event.task);
  if (record->owner == context.self.id) stop(event.task);
}

void Node::Impl::stop(TaskId id) {
  // A task that is being handed over is called back if it still can be; otherwise its next owner
  // hears of the cancellation from the home node, which repeats it.
  if (outgoings.find(id) != nullptr)
    if (const auto outgoing = outgoings.call_off(id)) kept(*outgoing);
  Task* task = tasks.find(id);
  if (task == nullptr || task->stopping) return;
  // At home its outputs are being placed, which ends by itself.
  const bool returning = task->phase == Task::Phase::returning;
  if (returning && (task->reported || id.home == context.self.id)) return;
  task->stopping = true;
  if (id.home != context.self.id) context.trace(What::cancel_requested, id, id.home);
  if (task->phase == Task::Phase::running) return context.act(StopTask{id});
  const ExitStatus cancelled{ExitStatus::Kind::cancelled, 0};
  if (!returning) return end(*task, cancelled);
  // Nobody waits for its results any more.
  task->status = cancelled;
  context.persist(
      {.what = Persist::What::exited, .task = id, .epoch = task->epoch, .status = cancelled});
  report_end(*task);
}

// It was cancelled while it was elsewhere, or before this peer restarted.
void Node::Impl::stop_if_cancelled(TaskId task) {
  const HomeRecord* record = home.find(task);
  if (record != nullptr && record->cancelling) stop(task);
}

// A held slot is a task's that is on its way.
bool Node::Impl::has_free_slot() const {
  const std::uint32_t kept = static_cast<std::uint32_t>(slots_kept.size());
  const std::uint32_t held = searches.yielding() + incomings.slots_held() + kept;
  const std::uint32_t more = context.sabotaged(Sabotage::one_slot_more) ? 1 : 0;
  const std::uint32_t taken =
      tasks.count(Task::Phase::running) + tasks.count(Task::Phase::migrating) + held;
  return taken < context.config->load.slots + more;
}

void Node::Impl::start_tasks() {
  while (has_free_slot()) {
    Task* task = next_to_start();
    if (task == nullptr) return;
    if (needs_lease(*task) && task->lease.until <= context.now) {
      lease_ran_out(*task);
      continue;
    }
    const auto older =
        context.draining ? std::nullopt : policies.location->yields_to(view(), *task);
    if (older)
      follow(searches.begin_yielding(*older));
    else
      start(*task);
  }
}

void Node::Impl::start(Task& task) {
  const bool goes_on = std::exchange(task.goes_on, false);
  const bool thaws = std::exchange(task.frozen, false);
  tasks.set_phase(task, Task::Phase::running);
  task.started = context.now;
  if (!context.sabotaged(Sabotage::start_in_memory))
    context.persist({.what = Persist::What::started,
                     .task = task.id,
                     .epoch = task.epoch,
                     .ran = task.ran_before});
  const What what = goes_on ? What::task_goes_on : What::task_started;
  context.trace(thaws ? What::task_thawed : what, task.id, PeerId::none,
                goes_on ? task.ran_before : context.now - task.arrived,
                tasks.count(Task::Phase::running), context.config->load.slots);
  context.act(StartTask{task.id, task.epoch, needs_lease(task) ? task.lease.until : kNever});
  tell_home(task, TaskState::running);
  withdraw_wishes(task.id);
}

void Node::Impl::on(const TaskExited& event) {
  Task* task = tasks.find(event.task);
  if (task == nullptr || !(task->has_process() || task->goes_on)) return;
  // It has ended before it could be frozen, or was shot meanwhile.
  if (task->phase == Task::Phase::migrating)
    if (const auto outgoing = outgoings.call_off(event.task)) kept(*outgoing);
  const Duration ran = task->has_process() ? task->ran(context.now) : task->ran_before;
  follow_average(run_time, ran);
  ExitStatus status = event.status;
  if (task->stopping) {
    const bool signaled = status.kind == ExitStatus::Kind::signaled;
    status = {ExitStatus::Kind::cancelled, signaled ? status.value : 0};
  }
  context.trace(What::task_exited, task->id, PeerId::none, static_cast<std::int64_t>(status.kind),
                status.value, ran);
  end(*task, status);
}

void Node::Impl::on(const TaskMeasured& event) {
  Task* task = tasks.find(event.task);
  if (task == nullptr) return;
  task->resident_bytes = event.resident_bytes;
  task->migratable = event.migratable;
}

void Node::Impl::on(const HoldRequested& event) {
  Task* task = tasks.find(event.task);
  if (task == nullptr || task->held == event.hold) return;
  task->held = event.hold;
  context.persist(
      {.what = Persist::What::held, .task = task->id, .epoch = task->epoch, .held = event.hold});
  context.trace(event.hold ? What::task_held : What::task_released, event.task);
}

void Node::Impl::end(Task& task, ExitStatus status) {
  task.status = status;
  tasks.set_phase(task, Task::Phase::returning);
  context.persist(
      {.what = Persist::What::exited, .task = task.id, .epoch = task.epoch, .status = status});
  departed = true;
  slots_kept.erase(task.id);
  withdraw_wishes(task.id);
  // Nobody is left to whom it could be told.
  if (!remembers(task.id.home)) return discard(task);
  // Its home node begins it anew: what it has printed is void.
  if (status.kind == ExitStatus::Kind::lost && task.needs.lease > 0) return report_end(task);
  tell_home(task, TaskState::returning);
  send_results(task);
}

void Node::Impl::send_results(const Task& task) {
  const Member* member = context.peers.find(task.id.home);
  const Endpoint endpoint = member == nullptr ? context.self.endpoint : member->endpoint;
  context.act(SendResults{task.id, task.epoch, task.status, task.id.home, endpoint});
}

void Node::Impl::on(const ResultsSent& event) {
  Task* task = tasks.find(event.task);
  if (task == nullptr || task->phase != Task::Phase::returning || task->reported) return;
  if (event.ok || context.sabotaged(Sabotage::believe_delivery)) {
    task->status = event.status;
    return report_end(*task);
  }
  // What a cancelled task printed at its end is not worth a second try.
  if (task->stopping) return report_end(*task);
  const Duration pause = backoff(context.config->limits.resend_interval, task->result_tries++);
  context.trace(What::results_failed, task->id, task->id.home, pause);
  context.timers.set(TimerKey::of(Kind::results, task->id), context.now + pause);
}

// The results are home, or given up.
void Node::Impl::report_end(Task& task) {
  context.timers.cancel(TimerKey::of(Kind::results, task.id));
  tell_home(task, TaskState::finished);
  if (task.id.home == context.self.id) return discard(task);
  task.reported = true;
}

// The stay is over: its files go, and so does everything that was remembered of it.
void Node::Impl::discard(const Task& task) {
  context.timers.cancel(TimerKey::of(Kind::results, task.id));
  if (task.id.home != context.self.id) context.timers.cancel(TimerKey::of(Kind::lease, task.id));
  slots_kept.erase(task.id);
  context.act(DiscardTask{task.id, task.epoch});
  context.persist({.what = Persist::What::discarded, .task = task.id, .epoch = task.epoch});
  tasks.remove(task.id);
}

TaskReport Node::Impl::report_of(const Task& task, TaskState state) const {
  return {.task = task.id,
          .epoch = task.epoch,
          .state = state,
          .owner = context.self.id,
          .hops = task.hops,
          .probes = task.probes,
          .status = task.status,
          .owner_endpoint = context.self.endpoint};
}

void Node::Impl::tell_home(const Task& task, TaskState state) {
  const TaskReport report = report_of(task, state);
  if (task.id.home == context.self.id)
    home.report(report, context.self.id);
  else if (remembers(task.id.home))
    reports.tell(report);
}

// Owned, or in a handoff that is not settled.
bool Node::Impl::is_here(TaskId task) const {
  return tasks.find(task) != nullptr || incomings.all().contains(task) ||
         outgoings.find(task) != nullptr;
}

TaskState Node::Impl::state_of(const Task& task) const {
  switch (task.phase) {
    case Task::Phase::waiting:
    case Task::Phase::leaving:
      return TaskState::waiting;
    case Task::Phase::running:
    case Task::Phase::migrating:
      return TaskState::running;
    case Task::Phase::returning:
      return TaskState::returning;
  }
  assert(false);
  return TaskState::unknown;
}

// At the home node. Acknowledged, whatever it is worth, or it would be repeated for ever.
void Node::Impl::on(const TaskReport& report, PeerId from, const Endpoint& from_endpoint) {
  if (report.task.home != context.self.id) return;
  if (!home.report(report, from)) return;
  // The last owner says who has it now. Where that peer's death is known already, nobody will tell
  // of it again.
  const Member* owner = context.peers.find(report.owner);
  if (from != report.owner && owner != nullptr && !is_live(owner->state))
    home.owner_gone(report.owner);
  if (report.state == TaskState::unknown) return;
  context.send_to(from, from_endpoint, TaskReportAck{report.task, report.epoch, report.state});
  // Nobody waits any more for a task that this peer does not remember.
  if (home.find(report.task) == nullptr && report.state != TaskState::finished)
    context.send_to(from, from_endpoint, Cancel{report.task});
}

void Node::Impl::on(const TaskReportAck& ack) {
  const bool finished = reports.on_ack(ack);
  settle_decision(ack.task);
  if (!finished) return;
  const Task* task = tasks.find(ack.task);
  if (task != nullptr && task->epoch == ack.epoch) discard(*task);
}

void Node::Impl::on(const TaskQuery& query, PeerId from) {
  if (from != query.task.home) return;
  if (const Task* task = tasks.find(query.task)) {
    // What has finished is told by the pending report, once its results are home.
    const TaskReport report = report_of(*task, state_of(*task));
    return context.send(from, report);
  }
  // It has gone on, and its home node has not heard of it yet.
  if (reports.repeat(query.task)) return;
  // In between owners: the handoff's own messages will settle it.
  if (is_here(query.task)) return;
  context.send(from, TaskReport{.task = query.task,
                                .epoch = query.epoch,
                                .state = TaskState::unknown,
                                .owner = context.self.id,
                                .owner_endpoint = context.self.endpoint});
}

}  // namespace core
