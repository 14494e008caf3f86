// Tasks that are begun anew when their owner is gone: the owner's lease, and what the home node
// does when it has run out. lease.h has the rules.
#include <algorithm>
#include <vector>

#include "core/journal.h"
#include "core/lease.h"
#include "core/node_impl.h"

namespace core {
namespace {

using Kind = TimerKey::Kind;

constexpr std::uint32_t kTriesWithSlot = 4;  // a slot is not kept any longer for want of an answer

}  // namespace

// --- Owner

bool Node::Impl::needs_lease(const Task& task) const {
  return task.needs.lease > 0 && task.id.home != context.self.id &&
         !context.sabotaged(Sabotage::run_without_lease);
}

void Node::Impl::await_lease(Task& task) {
  if (!needs_lease(task)) return;
  tasks.set_startable(task, false);
  ask_for_lease(task);
}

void Node::Impl::ask_for_lease(Task& task) {
  Lease& lease = task.lease;
  const std::uint32_t life = start_count(context.self.incarnation);
  context.send(task.id.home, LeaseAsk{task.id, task.epoch, context.now, life, task.hops});
  if (lease.tries >= kTriesWithSlot) slots_kept.erase(task.id);
  const Duration pause = backoff(context.config->limits.resend_interval, lease.tries++);
  lease.ask_at = context.now + std::min(pause, lease_margin(task.needs.lease));
  set_lease_timer(task);
}

void Node::Impl::set_lease_timer(const Task& task) {
  const Lease& lease = task.lease;
  const Time next = lease.until > context.now ? std::min(lease.ask_at, lease.until) : lease.ask_at;
  context.timers.set(TimerKey::of(Kind::lease, task.id), next);
}

void Node::Impl::on_lease_timer(TaskId id) {
  if (id.home == context.self.id) return home.on_lease_timer(id);
  Task* task = tasks.find(id);
  if (task == nullptr || task->phase == Task::Phase::returning) return;
  if (task->startable && task->lease.until <= context.now) lease_ran_out(*task);
  task = tasks.find(id);
  if (task == nullptr) return;
  if (task->lease.ask_at <= context.now)
    ask_for_lease(*task);
  else
    set_lease_timer(*task);
}

void Node::Impl::on(const LeaseReply& reply, PeerId from) {
  Task* task = tasks.find(reply.task);
  if (task == nullptr || task->epoch != reply.epoch || from != reply.task.home) return;
  if (!needs_lease(*task) || task->phase == Task::Phase::returning) return;
  if (reply.life != start_count(context.self.incarnation) || reply.asked > context.now) return;
  if (!reply.granted) {
    context.trace(What::lease_refused, task->id, from, task->epoch);
    return give_up(*task);
  }
  Lease& lease = task->lease;
  const Time until = reply.asked + usable_lease(task->needs.lease);
  if (until <= std::max(context.now, lease.until)) return;
  lease = {.until = until, .ask_at = reply.asked + lease_renewal(task->needs.lease)};
  set_lease_timer(*task);
  context.trace(What::lease_renewed, task->id, from, until - context.now);
  tasks.set_startable(*task, true);
  if (task->has_process()) context.act(ExtendLease{task->id, task->epoch, until});
  if (slots_kept.erase(task->id) > 0 && has_free_slot()) start(*task);
}

void Node::Impl::lease_ran_out(Task& task) {
  tasks.set_startable(task, false);
  if (task.has_process()) freeze(task);
  if (!remembers(task.id.home)) give_up(task);
}

// It waits for a slot and a lease, as one that has come with its process.
void Node::Impl::freeze(Task& task) {
  context.act(FreezeTask{task.id, task.epoch});
  if (task.phase == Task::Phase::migrating)
    if (const auto outgoing = outgoings.call_off(task.id)) kept(*outgoing);
  task.ran_before = task.ran(context.now);
  task.goes_on = true;
  task.frozen = true;
  tasks.set_phase(task, Task::Phase::waiting);
  context.trace(What::task_frozen, task.id, task.id.home, task.ran_before);
}

void Node::Impl::give_up(Task& task) {
  if (task.has_process()) context.act(FreezeTask{task.id, task.epoch});
  if (const auto outgoing = outgoings.call_off(task.id)) kept(*outgoing);
  departed = true;
  withdraw_wishes(task.id);
  discard(task);
}

// Their home node is forgotten: they cannot go on any more.
void Node::Impl::drop_unleased(PeerId home_node) {
  std::vector<TaskId> unleased;
  for (const auto& [arrival, task] : tasks.all())
    if (task.id.home == home_node && !task.startable) unleased.push_back(task.id);
  for (const TaskId task : unleased) give_up(*tasks.find(task));
}

// --- Home node

void Node::Impl::on(const LeaseAsk& ask, PeerId from) {
  if (ask.task.home != context.self.id) return;
  const std::optional<bool> granted = home.lease(ask, from);
  if (!granted) return;
  context.trace(*granted ? What::lease_given : What::lease_denied, ask.task, from, ask.epoch);
  context.send(from, LeaseReply{ask.task, ask.epoch, ask.asked, ask.life, *granted});
}

// A stay that has just ended here goes first.
void Node::Impl::begin_anew() {
  for (const TaskId task : home.vacant())
    if (tasks.find(task) == nullptr) begin_anew(task);
}

void Node::Impl::begin_anew(TaskId id) {
  const HomeRecord& record = home.begin_anew(id);
  // What was on its way from or to earlier owners is void.
  outgoings.superseded(id, record.epoch);
  settle_decision(id);
  incomings.supersede(id, record.epoch);
  Task task;
  task.id = id;
  task.epoch = record.epoch;
  task.offered = record.epoch;
  task.offerable = record.epoch + kEpochsAhead;
  task.needs = record.needs;
  task.pinned = record.pinned;
  task.arrived = context.now;
  task.waited_before = context.now - record.submitted;
  tasks.add(task, context.config->load.aging);
  smoothed_thousandths += 1000;
  ++arrivals;
  if (record.cancelling) stop(id);
}

}  // namespace core
