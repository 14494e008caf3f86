// A board that is to be empty: before its daemon stops, or for as long as its owner wishes.
#include <vector>

#include "core/node_impl.h"

namespace core {

using Kind = TimerKey::Kind;

void Node::Impl::on(const DrainRequested&) {
  // Left with work undone, it is as good as dead: what others keep for it they go on keeping.
  if (context.draining && !evacuating) return depart(MemberState::dead);
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

// --- Before a shutdown

// Guests that wait go home, whatever the policies say.
void Node::Impl::hand_back_guests() {
  std::vector<TaskId> guests;
  bool later = false;
  for (const auto& [arrival, task] : tasks.all()) {
    if (task.id.home == context.self.id || task.phase != Task::Phase::waiting) continue;
    if (task.goes_on || !task.has_epochs_left()) continue;
    if (!context.peers.is_eligible(task.id.home)) continue;
    if (task.not_before > context.now)
      later = true;
    else
      guests.push_back(task.id);
  }
  for (const TaskId guest : guests) {
    if (outgoings.undecided() >= context.config->limits.transfers_at_once) break;
    Task& task = *tasks.find(guest);
    tasks.set_phase(task, Task::Phase::leaving);
    outgoings.offer(task, guest.home, 0, 0, kLeaving);
  }
  if (later) try_to_empty_again();
}

void Node::Impl::try_to_empty_again() {
  if (!context.timers.armed({Kind::search_retry}))
    context.timers.set({Kind::search_retry}, context.now + context.config->limits.resend_interval);
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

void Node::Impl::depart(MemberState as) {
  if (std::exchange(drained, true)) return;
  membership.leave(as);
  context.act(Drained{});
}

// --- At its owner's wish

bool Node::Impl::may_be_handed_over(const Task& task) const {
  const Veto veto = veto_on_wish(&task, PeerId::none);
  return veto == Veto::none || veto == Veto::transfers_full;
}

// Oldest first, each to anybody: what is known of loads is older than what has just been sent, and
// whoever gets too much can balance.
void Node::Impl::hand_over_everything() {
  std::vector<TaskId> leaving;
  bool later = false;
  for (const auto& [arrival, task] : tasks.all()) {
    if (!may_be_handed_over(task)) continue;
    if (task.not_before > context.now)
      later = true;
    else
      leaving.push_back(task.id);
  }
  const std::vector<PeerInfo> others = context.peers.eligible();
  for (const TaskId task : leaving) {
    if (outgoings.undecided() >= context.config->limits.transfers_at_once) break;
    const PeerId to = others[context.rng.below(others.size())].id;
    context.trace(What::migration_wished, task, to);
    offer(*tasks.find(task), to, 0, 0, true);
  }
  if (later) try_to_empty_again();
}

// What is to leave does not start first.
Task* Node::Impl::next_to_start() {
  if (!evacuating) return tasks.next_to_start();
  for (const auto& [arrival, task] : tasks.all())
    if (task.phase == Task::Phase::waiting && task.startable && !may_be_handed_over(task))
      return tasks.find(task.id);
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
