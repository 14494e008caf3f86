// A node's first step: what its journal remembers is taken up again, as journal.h promises.
#include <algorithm>
#include <utility>
#include <vector>

#include "core/node_impl.h"

namespace core {

void Node::Impl::recover() {
  const std::unique_ptr<const Journal> remembered = std::move(recovered);
  const Journal& journal = *remembered;
  // Peers are known again as they are heard. Until then nothing of theirs is dropped.
  for (const auto& [task, owned] : journal.owned) membership.remember(task.home);
  for (const auto& [task, copy] : journal.prepared) {
    membership.remember(task.home);
    membership.remember(copy.source);
  }
  for (const auto& [task, decision] : journal.decided) {
    membership.remember(task.home);
    membership.remember(decision.destination);
  }
  for (const auto& [task, entry] : journal.home) membership.remember(entry.owner);

  for (const auto& [task, entry] : journal.home) home.recover(task, entry);
  std::vector<std::pair<std::uint64_t, TaskId>> in_order;
  for (const auto& [task, owned] : journal.owned) in_order.emplace_back(owned.arrival, task);
  std::sort(in_order.begin(), in_order.end());
  for (const auto& [arrival, task] : in_order) {
    recover_task(task, journal.owned.at(task));
    stop_if_cancelled(task);
  }
  for (const auto& [task, copy] : journal.prepared) recover_copy(task, copy);
  for (const auto& [task, decision] : journal.decided) {
    unsettled[task] = decision.epoch;
    outgoings.recover(task, decision.epoch, decision.destination);
    if (task.home != context.self.id)
      tell_of_move(task, decision.epoch, decision.destination, decision.hops, 0);
  }
}

// Whether it was handed over its source says. A process that is gone should not be taken over any
// more: a source that has not decided keeps its own. If it has, the task is this peer's, and lost.
void Node::Impl::recover_copy(TaskId id, const PreparedCopy& copy) {
  const bool process_lost = copy.running && !alive.contains({id, copy.epoch});
  incomings.recover({.task = id,
                     .epoch = copy.epoch,
                     .peer = copy.source,
                     .needs = copy.needs,
                     .hops = copy.hops - 1,
                     .since = copy.since,
                     .holds_slot = copy.running && !process_lost,
                     .running = copy.running,
                     .ran = copy.ran,
                     .stage = Incoming::Stage::prepared,
                     .process_lost = process_lost});
}

void Node::Impl::recover_task(TaskId id, const OwnedTask& owned) {
  Task stay;
  stay.id = id;
  stay.epoch = owned.epoch;
  stay.offered = context.sabotaged(Sabotage::reuse_epochs) ? owned.epoch : owned.offerable;
  stay.offerable = owned.offerable;
  stay.needs = owned.needs;
  stay.hops = owned.hops;
  stay.pinned = owned.pinned;
  // A clock that was set back while the board was down must not make tasks of the future.
  stay.arrived = std::min(owned.arrived, context.now);
  stay.waited_before = std::max<Duration>(0, stay.arrived - owned.since);
  stay.started = std::min(owned.start, context.now);
  stay.status = owned.status;
  stay.held = owned.held;
  stay.ran_before = owned.ran_before;
  const auto process = alive.find({id, owned.epoch});
  const bool goes_on = owned.started && !owned.ended && process != alive.end();
  if (owned.ended) stay.phase = Task::Phase::returning;
  if (goes_on) stay.phase = Task::Phase::running;
  Task& task = tasks.add(stay, context.config->load.aging);
  context.trace(What::task_recovered, id, PeerId::none, task.epoch);
  if (owned.ended) {
    tell_home(task, TaskState::returning);
    return send_results(task);
  }
  if (goes_on) return recover_process(task, process->second);
  if (owned.started && !context.sabotaged(Sabotage::rerun_interrupted)) {
    return interrupt(task);
  }
  await_lease(task);
  tell_home(task, TaskState::waiting);
  ++arrivals;
}

// One whose lease has run out meanwhile is frozen by now.
void Node::Impl::recover_process(Task& task, Time until) {
  if (!needs_lease(task)) {
    context.act(StartTask{task.id, task.epoch});
    return tell_home(task, TaskState::running);
  }
  task.lease.until = until;
  if (until > context.now) {
    context.act(StartTask{task.id, task.epoch, until});
  } else {
    tasks.set_startable(task, false);
    freeze(task);
  }
  ask_for_lease(task);
  tell_home(task, state_of(task));
}

void Node::Impl::interrupt(Task& task) {
  context.trace(What::task_interrupted, task.id);
  end(task, {ExitStatus::Kind::lost, 0});
}

}  // namespace core
