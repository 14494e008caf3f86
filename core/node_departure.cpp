// A board that is to be empty: before its daemon stops, or for as long as its owner wishes.
#include <vector>

#include "core/node_impl.h"

namespace core {
namespace {

using Kind = TimerKey::Kind;

constexpr std::uint32_t kRefusalsBeforeStart = 8;

}  // namespace

void Node::Impl::on(const DrainRequested&) {
  // Left with work undone, it is as good as dead: what others keep for it they go on keeping.
  if (context.draining && !evacuating) return depart(MemberState::dead, false);
  const bool told = std::exchange(evacuating, false);
  context.draining = true;
  context.trace(What::draining);
  if (!told) membership.announce_draining();
}

void Node::Impl::on(const EvacuateRequested& event) {
  if (context.draining && !evacuating) return;
  emptied = false;
  if (event.on == evacuating) return;
  evacuating = context.draining = event.on;
  context.trace(event.on ? What::evacuating : What::evacuation_ended);
  membership.announce_draining();
}

// --- Giving away

// Oldest first, as far as the limits go; what has been kept just now rests. What waits lets those
// that run go first: they need a slot elsewhere at once.
void Node::Impl::give_away() {
  std::vector<TaskId> leaving;
  bool later = false;
  for (const auto& [arrival, task] : tasks.all()) {
    if (!is_to_leave(task)) continue;
    if (task.not_before > context.now)
      later = true;
    else
      leaving.push_back(task.id);
  }
  for (const TaskId id : leaving) {
    Task& task = *tasks.find(id);
    if (full_for(task) != Veto::none) break;
    evacuating ? hand_over(task) : hand_back(task);
  }
  if (later) try_to_empty_again();
}

bool Node::Impl::is_to_leave(const Task& task) const {
  return evacuating ? may_be_handed_over(task) : may_be_handed_back(task);
}

void Node::Impl::try_to_empty_again() {
  if (!context.timers.armed({Kind::search_retry}))
    context.timers.set({Kind::search_retry}, context.now + context.config->limits.resend_interval);
}

// --- Before a shutdown

// Guests that wait go home, whatever the policies say.
bool Node::Impl::may_be_handed_back(const Task& task) const {
  if (task.id.home == context.self.id || task.phase != Task::Phase::waiting) return false;
  return !task.goes_on && task.has_epochs_left() && context.peers.is_eligible(task.id.home);
}

void Node::Impl::hand_back(Task& task) {
  tasks.set_phase(task, Task::Phase::leaving);
  outgoings.offer(task, task.id.home, 0, 0, kLeaving);
}

// A draining peer waits for no answer of the dead.
bool Node::Impl::handoffs_settled() const {
  const auto waits_for = [this](PeerId peer) {
    const Member* member = context.peers.find(peer);
    return member != nullptr && is_live(member->state);
  };
  for (const auto& [task, outgoing] : outgoings.all())
    if (waits_for(outgoing.peer)) return false;
  for (const auto& [task, incoming] : incomings.all())
    if (waits_for(incoming.peer)) return false;
  return true;
}

void Node::Impl::depart(MemberState as, bool in_order) {
  drained = true;
  membership.leave(as);
  context.act(Drained{in_order});
}

// --- At its owner's wish

bool Node::Impl::may_be_handed_over(const Task& task) const {
  const Veto veto = veto_on_wish(&task, PeerId::none);
  return veto == Veto::none || veto == Veto::transfers_full || veto == Veto::migrations_full;
}

// To anybody: what is known of loads is older than what has just been sent, and whoever gets too
// much can balance.
void Node::Impl::hand_over(Task& task) {
  const std::vector<PeerInfo>& others = context.peers.eligible();
  const PeerId to = others[context.rng.below(others.size())].id;
  context.trace(What::migration_wished, task.id, to);
  offer(task, to, 0, 0, true);
}

// What is to leave does not start first, unless nobody seems to take it: it must not wait for ever.
Task* Node::Impl::next_to_start() {
  if (!evacuating) return tasks.next_to_start();
  for (const auto& [arrival, task] : tasks.all()) {
    if (task.phase != Task::Phase::waiting || !task.startable) continue;
    const bool in_vain = task.failed_moves > 0 || task.refusals >= kRefusalsBeforeStart;
    if (in_vain || !may_be_handed_over(task)) return tasks.find(task.id);
  }
  return nullptr;
}

void Node::Impl::note_emptiness() {
  if (!tasks.all().empty() || !reports.empty() || !unsettled.empty()) return;
  if (!outgoings.all().empty() || !incomings.all().empty()) return;
  if (std::exchange(emptied, true)) return;
  context.trace(What::emptied);
  context.act(Emptied{});
}

}  // namespace core
