#include <algorithm>
#include <cassert>

#include "core/handoff.h"
#include "core/journal.h"

namespace core {

using Kind = TimerKey::Kind;

void Outgoings::offer(Task& task, PeerId peer, std::uint32_t search, std::uint32_t answers,
                      Load source_load, bool wanted) {
  assert(!all_.contains(task.id));
  // Every attempt has an epoch of its own: a late Prepared of an earlier one proves nothing.
  const Epoch epoch = ++task.offered;
  if (epoch > task.offerable) {
    task.offerable = epoch + kEpochsAhead;
    context_.persist({.what = Persist::What::offering, .task = task.id, .epoch = task.offerable});
  }
  const bool running = task.has_process();
  all_[task.id] = {.task = task.id,
                   .epoch = epoch,
                   .peer = peer,
                   .hops = task.hops,
                   .search = search,
                   .running = running};
  ++undecided_;
  context_.trace(What::offer_sent, task.id, peer, epoch, source_load);
  context_.send(peer, Offer{task.id, epoch, task.needs, task.hops, task.probes, answers,
                            source_load, std::min(task.age(context_.now), kMaxWaited),
                            context_.endpoint_of(task.id.home).value_or(context_.self.endpoint),
                            wanted, running, running ? task.resident_bytes : 0,
                            running ? std::min(task.ran(context_.now), kMaxWaited) : 0});
  context_.timers.set(TimerKey::of(Kind::outgoing, task.id),
                      context_.now + context_.config->limits.grant_timeout);
}

const Outgoing* Outgoings::find(TaskId task) const {
  const auto found = all_.find(task);
  return found == all_.end() ? nullptr : &found->second;
}

void Outgoings::recover(TaskId task, Epoch epoch, PeerId peer) {
  const auto [at, added] = all_.insert(
      {task, {.task = task, .epoch = epoch, .peer = peer, .stage = Outgoing::Stage::handed_off}});
  assert(added);
  send_commit(at->second);
}

void Outgoings::on_grant(PeerId from, const Grant& grant) {
  Outgoing* outgoing = undecided(grant.task, grant.epoch, from);
  if (outgoing == nullptr) {
    // The offer was given up meanwhile: the reservation need not wait for its time limit.
    const Outgoing* other = find(grant.task);
    if (other == nullptr || other->peer != from || other->epoch != grant.epoch)
      context_.send(from, Abort{grant.task, grant.epoch});
    return;
  }
  if (outgoing->stage != Outgoing::Stage::offered) return;
  outgoing->stage = Outgoing::Stage::transferring;
  outgoing->granted_at = context_.now;
  ++granted_;
  context_.trace(What::offer_granted, grant.task, from, grant.epoch);
  // One that has just left a bounded view is where it speaks from.
  const Endpoint endpoint = context_.endpoint_of(from).value_or(Endpoint{});
  context_.act(SendBundle{grant.task, grant.epoch, from, endpoint, outgoing->running});
  context_.timers.set(TimerKey::of(Kind::outgoing, grant.task),
                      context_.now + context_.config->limits.transfer_timeout);
}

std::optional<Outgoing> Outgoings::on_reject(PeerId from, const Reject& reject) {
  const Outgoing* outgoing = undecided(reject.task, reject.epoch, from);
  if (outgoing == nullptr || outgoing->stage != Outgoing::Stage::offered) return std::nullopt;
  ++context_.counters.refusals_received[static_cast<std::size_t>(reject.veto)];
  context_.trace(What::offer_rejected, reject.task, from, static_cast<std::int64_t>(reject.veto),
                 reject.load);
  return take(reject.task);
}

std::optional<Outgoing> Outgoings::on_bundle_sent(const BundleSent& event) {
  const Outgoing* outgoing = find(event.task);
  if (outgoing == nullptr || outgoing->epoch != event.epoch) return std::nullopt;
  if (outgoing->stage != Outgoing::Stage::transferring) return std::nullopt;
  if (event.ok) {
    context_.trace(What::bundle_sent, event.task, outgoing->peer);
    return std::nullopt;
  }
  context_.trace(What::bundle_failed, event.task, outgoing->peer);
  return call_off(event.task);
}

std::optional<Outgoing> Outgoings::on_prepared(PeerId from, const Prepared& prepared) {
  const auto found = all_.find(prepared.task);
  const bool ours =
      found != all_.end() && found->second.peer == from &&
      (found->second.epoch == prepared.epoch || context_.sabotaged(Sabotage::forget_epochs));
  if (!ours) {
    context_.send(from, Abort{prepared.task, prepared.epoch});
    return std::nullopt;
  }
  Outgoing& outgoing = found->second;
  if (outgoing.stage == Outgoing::Stage::handed_off) {
    context_.send(from, Commit{prepared.task, prepared.epoch});
    return std::nullopt;
  }
  // A granted transfer alone can have been prepared; a Prepared that overtook its Grant comes
  // again.
  if (outgoing.stage == Outgoing::Stage::offered) return std::nullopt;
  outgoing.stage = Outgoing::Stage::handed_off;
  --undecided_;
  --granted_;
  if (!context_.sabotaged(Sabotage::decide_in_memory))
    context_.persist({.what = Persist::What::handed_off,
                      .task = prepared.task,
                      .epoch = prepared.epoch,
                      .peer = from,
                      .hops = outgoing.hops + 1});
  context_.trace(What::handed_off, prepared.task, from, prepared.epoch);
  send_commit(outgoing);
  return outgoing;
}

std::optional<Outgoing> Outgoings::on_lost_copy(PeerId from, const Prepared& prepared) {
  if (undecided(prepared.task, prepared.epoch, from) == nullptr) return std::nullopt;
  return call_off(prepared.task);
}

void Outgoings::on_committed(PeerId from, const Committed& committed) {
  const auto found = all_.find(committed.task);
  if (found == all_.end() || found->second.stage != Outgoing::Stage::handed_off) return;
  if (found->second.epoch != committed.epoch || found->second.peer != from) return;
  context_.trace(What::handoff_committed, committed.task, from);
  take(committed.task);
}

std::optional<Outgoing> Outgoings::on_abort(PeerId from, const Abort& abort) {
  const auto found = all_.find(abort.task);
  if (found == all_.end() || found->second.epoch != abort.epoch || found->second.peer != from)
    return std::nullopt;
  // It does not know the task any more: it has ended there, or died with that peer's memory. What
  // became of it the home node learns from its owner; the decision stands.
  if (found->second.stage == Outgoing::Stage::handed_off) {
    take(abort.task);
    return std::nullopt;
  }
  return call_off(abort.task);
}

std::optional<Outgoing> Outgoings::on_timer(TaskId task) {
  const auto found = all_.find(task);
  if (found == all_.end()) return std::nullopt;
  if (found->second.stage == Outgoing::Stage::handed_off) {
    send_commit(found->second);
    return std::nullopt;
  }
  if (found->second.stage == Outgoing::Stage::offered)
    context_.trace(What::offer_timed_out, task, found->second.peer,
                   context_.config->limits.grant_timeout);
  else
    context_.trace(What::bundle_failed, task, found->second.peer);
  return call_off(task);
}

std::optional<Outgoing> Outgoings::call_off(TaskId task) {
  const auto found = all_.find(task);
  if (found == all_.end() || found->second.stage == Outgoing::Stage::handed_off)
    return std::nullopt;
  const Outgoing outgoing = take(task);
  if (outgoing.stage == Outgoing::Stage::transferring)
    context_.act(CancelBundle{task, outgoing.epoch});
  context_.send(outgoing.peer, Abort{task, outgoing.epoch});
  context_.trace(What::handoff_aborted, task, outgoing.peer);
  return outgoing;
}

std::vector<Outgoing> Outgoings::call_off_all(PeerId peer) {
  std::vector<TaskId> tasks;
  for (const auto& [task, outgoing] : all_)
    if (outgoing.peer == peer) tasks.push_back(task);
  std::vector<Outgoing> called_off;
  for (const TaskId task : tasks)
    if (const auto outgoing = call_off(task)) called_off.push_back(*outgoing);
  return called_off;
}

void Outgoings::superseded(TaskId task, Epoch epoch) {
  const Outgoing* outgoing = find(task);
  if (outgoing != nullptr && outgoing->stage == Outgoing::Stage::handed_off &&
      outgoing->epoch < epoch)
    take(task);
}

void Outgoings::forget(PeerId peer) {
  std::vector<TaskId> tasks;
  for (const auto& [task, outgoing] : all_)
    if (outgoing.peer == peer && outgoing.stage == Outgoing::Stage::handed_off)
      tasks.push_back(task);
  for (const TaskId task : tasks) take(task);
}

Outgoing* Outgoings::undecided(TaskId task, Epoch epoch, PeerId peer) {
  const auto found = all_.find(task);
  if (found == all_.end()) return nullptr;
  Outgoing& outgoing = found->second;
  const bool matches = outgoing.epoch == epoch && outgoing.peer == peer;
  return matches && outgoing.stage != Outgoing::Stage::handed_off ? &outgoing : nullptr;
}

Outgoing Outgoings::take(TaskId task) {
  const Outgoing outgoing = all_.at(task);
  all_.erase(task);
  context_.timers.cancel(TimerKey::of(Kind::outgoing, task));
  if (outgoing.stage != Outgoing::Stage::handed_off) --undecided_;
  if (outgoing.stage == Outgoing::Stage::transferring) --granted_;
  return outgoing;
}

void Outgoings::send_commit(Outgoing& outgoing) {
  context_.send(outgoing.peer, Commit{outgoing.task, outgoing.epoch});
  const Duration pause = backoff(context_.config->limits.resend_interval, outgoing.tries++);
  context_.timers.set(TimerKey::of(Kind::outgoing, outgoing.task), context_.now + pause);
}

}  // namespace core
