#include <algorithm>
#include <cassert>

#include "core/handoff.h"

namespace core {

using Kind = TimerKey::Kind;

bool Incomings::repeated(PeerId from, const Offer& offer) {
  const Incoming* incoming = find(offer.task, offer.epoch, from);
  if (incoming == nullptr) return false;
  if (incoming->stage == Incoming::Stage::reserved)
    context_.send(from, Grant{offer.task, offer.epoch});
  else
    context_.send(from, Prepared{offer.task, offer.epoch, incoming->process_lost});
  return true;
}

void Incomings::grant(PeerId from, const Offer& offer, std::uint32_t search, bool holds_slot) {
  assert(!all_.contains(offer.task));
  all_[offer.task] = {.task = offer.task,
                      .epoch = offer.epoch,
                      .peer = from,
                      .needs = offer.needs,
                      .hops = offer.hops,
                      .probes = offer.probes,
                      .since = context_.now - offer.waited,
                      .search = search,
                      .holds_slot = holds_slot,
                      .running = offer.running,
                      .ran = offer.ran};
  context_.act(
      ExpectBundle{offer.task, offer.epoch, from, offer.needs.bundle_bytes, offer.running});
  Incoming& incoming = all_[offer.task];
  incoming.granted_at = context_.now;
  incoming.expires = context_.now + context_.config->limits.transfer_timeout;
  send_grant(incoming);
}

void Incomings::recover(const Incoming& prepared) {
  assert(prepared.stage == Incoming::Stage::prepared);
  const auto [at, added] = all_.emplace(prepared.task, prepared);
  assert(added);
  send_prepared(at->second);
}

std::uint32_t Incomings::count() const {
  if (context_.sabotaged(Sabotage::skip_reservation)) return 0;
  std::uint32_t count = 0;
  for (const auto& [task, incoming] : all_)
    if (!incoming.stranded) ++count;
  return count;
}

std::uint32_t Incomings::slots_held() const {
  std::uint32_t count = 0;
  for (const auto& [task, incoming] : all_)
    if (incoming.holds_slot && !incoming.stranded) ++count;
  return count;
}

std::uint32_t Incomings::running() const {
  std::uint32_t count = 0;
  for (const auto& [task, incoming] : all_)
    if (incoming.running && !incoming.stranded) ++count;
  return count;
}

bool Incomings::supersede(TaskId task, Epoch epoch) {
  const auto found = all_.find(task);
  if (found == all_.end()) return true;
  if (found->second.epoch >= epoch) return false;
  drop(task, What::arrival_aborted);
  return true;
}

void Incomings::on_bundle_received(const BundleReceived& event) {
  const auto found = all_.find(event.task);
  if (found == all_.end() || found->second.epoch != event.epoch) return;
  Incoming& incoming = found->second;
  if (incoming.stage == Incoming::Stage::prepared) {
    if (event.ok || incoming.process_lost) return;
    incoming.process_lost = true;
    incoming.holds_slot = false;
    return send_prepared(incoming);
  }
  if (!event.ok) {
    context_.trace(What::bundle_failed, event.task, incoming.peer);
    context_.send(incoming.peer, Abort{event.task, event.epoch});
    return drop(event.task, What::arrival_aborted);
  }
  incoming.stage = Incoming::Stage::prepared;
  incoming.tries = 0;
  if (!context_.sabotaged(Sabotage::prepare_in_memory))
    context_.persist({.what = Persist::What::prepared,
                      .task = event.task,
                      .epoch = event.epoch,
                      .peer = incoming.peer,
                      .since = incoming.since,
                      .needs = incoming.needs,
                      .hops = incoming.hops + 1,
                      .running = incoming.running,
                      .ran = incoming.ran});
  if (incoming.running && context_.sabotaged(Sabotage::start_restored))
    context_.act(StartTask{event.task, event.epoch});
  context_.trace(What::prepared, event.task, incoming.peer);
  send_prepared(incoming);
}

std::optional<Incoming> Incomings::on_commit(PeerId from, const Commit& commit) {
  const Incoming* incoming = find(commit.task, commit.epoch, from);
  if (incoming == nullptr) return std::nullopt;
  if (incoming->stage == Incoming::Stage::reserved) {
    drop(commit.task, What::arrival_aborted);
    return std::nullopt;
  }
  const Incoming owned = *incoming;
  context_.persist({.what = Persist::What::owned,
                    .task = commit.task,
                    .epoch = commit.epoch,
                    .peer = from,
                    .since = owned.since,
                    .needs = owned.needs,
                    .hops = owned.hops + 1,
                    .running = owned.running,
                    .ran = owned.ran});
  if (context_.sabotaged(Sabotage::commit_twice)) return owned;
  context_.timers.cancel(TimerKey::of(Kind::incoming, commit.task));
  all_.erase(commit.task);
  return owned;
}

void Incomings::on_abort(PeerId from, const Abort& abort) {
  const Incoming* incoming = find(abort.task, abort.epoch, from);
  if (context_.sabotaged(Sabotage::deaf_to_abort)) return;
  if (incoming != nullptr) drop(abort.task, What::arrival_aborted);
}

void Incomings::on_timer(TaskId task) {
  const auto found = all_.find(task);
  if (found == all_.end()) return;
  Incoming& incoming = found->second;
  if (incoming.stage == Incoming::Stage::prepared) return send_prepared(incoming);
  if (context_.now < incoming.expires) return send_grant(incoming);
  context_.send(incoming.peer, Abort{task, incoming.epoch});
  drop(task, What::reservation_expired);
}

void Incomings::source_gone(PeerId peer) {
  std::vector<TaskId> tasks;
  for (auto& [task, incoming] : all_) {
    if (incoming.peer != peer) continue;
    incoming.stranded = true;
    if (incoming.stage == Incoming::Stage::reserved) tasks.push_back(task);
  }
  for (const TaskId task : tasks) drop(task, What::arrival_aborted);
}

void Incomings::forget(PeerId peer) {
  std::vector<TaskId> tasks;
  for (const auto& [task, incoming] : all_)
    if (incoming.peer == peer) tasks.push_back(task);
  for (const TaskId task : tasks) drop(task, What::arrival_aborted);
}

Incoming* Incomings::find(TaskId task, Epoch epoch, PeerId peer) {
  const auto found = all_.find(task);
  if (found == all_.end()) return nullptr;
  Incoming& incoming = found->second;
  return incoming.epoch == epoch && incoming.peer == peer ? &incoming : nullptr;
}

void Incomings::send_grant(Incoming& incoming) {
  context_.send(incoming.peer, Grant{incoming.task, incoming.epoch});
  const Duration pause = backoff(context_.config->limits.resend_interval, incoming.tries++);
  context_.timers.set(TimerKey::of(Kind::incoming, incoming.task),
                      std::min(context_.now + pause, incoming.expires));
}

void Incomings::send_prepared(Incoming& incoming) {
  context_.send(incoming.peer, Prepared{incoming.task, incoming.epoch, incoming.process_lost});
  const Duration pause = backoff(context_.config->limits.resend_interval, incoming.tries++);
  context_.timers.set(TimerKey::of(Kind::incoming, incoming.task), context_.now + pause);
}

void Incomings::drop(TaskId task, What why) {
  const Incoming incoming = all_.at(task);
  all_.erase(task);
  context_.timers.cancel(TimerKey::of(Kind::incoming, task));
  if (incoming.stage == Incoming::Stage::reserved)
    context_.act(CancelBundle{task, incoming.epoch});
  else
    context_.persist({.what = Persist::What::aborted,
                      .task = task,
                      .epoch = incoming.epoch,
                      .peer = incoming.peer});
  context_.act(DiscardTask{task, incoming.epoch});
  context_.trace(why, task, incoming.peer, context_.config->limits.transfer_timeout);
}

}  // namespace core
