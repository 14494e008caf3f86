#include "core/node.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/node_impl.h"

namespace core {

using Kind = TimerKey::Kind;

Node::Impl::Impl(Identity identity, std::shared_ptr<const Config> config,
                 PolicyFactory policy_factory, std::vector<Endpoint> seeds, std::uint64_t seed,
                 Journal journal, std::shared_ptr<Counters> counters, Sabotage sabotage)
    : context{.self = std::move(identity),
              .config = std::move(config),
              .rng = Rng(seed),
              .counted_in = std::move(counters),
              .sabotage = sabotage},
      factory(std::move(policy_factory)),
      membership(context, std::move(seeds)),
      searches(context, tasks, wishes, wishes_left),
      outgoings(context),
      incomings(context),
      home(context),
      reports(context),
      recovered(std::make_unique<const Journal>(std::move(journal))) {
  assert(context.self.id != PeerId::none);
  assert(context.config != nullptr);
  assert(!context.self.name.empty() && context.self.name.size() <= kMaxNameBytes);
  policies = factory(context.config->policy);
}

void Node::Impl::step(Time now, const Event& event, Actions& actions) {
  assert(now >= context.now);
  actions.clear();
  // It has left, though its driver may not have been able to act upon that yet.
  if (drained) {
    if (std::holds_alternative<DrainRequested>(event)) actions.push_back(Drained{false});
    return;
  }
  context.actions.swap(actions);
  const Time due = context.timers.next();
  const Duration late = due == kNever ? 0 : now - due;
  const Duration elapsed = now - context.now;
  context.now = now;
  if (begun) note_idleness(elapsed);
  if (!begun) {
    begun = true;
    idle_since = now;
    membership.begin();
    recover();
    configure();
  }
  // A process that was stopped, or a board that stood still, wakes to overdue deadlines.
  if (late > context.config->membership.probe_timeout / 2) {
    context.trace(What::woke_late, {}, PeerId::none, late);
    membership.woke_late();
  }
  std::visit([this](const auto& one) { on(one); }, event);
  settle();
  context.sender = PeerId::none;
  complete_headers();
  context.actions.swap(actions);
}

void Node::Impl::on(const Tick&) {
  while (const auto key = context.timers.pop(context.now)) on_timer(*key);
}

void Node::Impl::on_timer(const TimerKey& key) {
  const auto search = static_cast<std::uint32_t>(key.a);
  switch (key.kind) {
    case Kind::probe_period:
    case Kind::ping_timeout:
    case Kind::relay:
    case Kind::suspicion:
    case Kind::join:
    case Kind::forget_peer:
      return membership.on_timer(key);
    case Kind::rejoin:
      home.ask_next([this](TaskId task) { return is_here(task); });
      return membership.on_timer(key);
    case Kind::load_sample:
      return sample_load();
    case Kind::load_report:
      return report_load();
    case Kind::search_retry:
      return seek_again();
    case Kind::probe_timeout:
      if (searches.on_probe_timeout(search)) proceed(search);
      return;
    case Kind::search_deadline:
      return searches.on_deadline(search);
    case Kind::request_timeout:
      return request_timed_out(search);
    case Kind::outgoing:
      if (const auto outgoing = outgoings.on_timer(key.task())) kept(*outgoing);
      return;
    case Kind::incoming:
      return incomings.on_timer(key.task());
    case Kind::report:
      return reports.on_timer(key.task());
    case Kind::results:
      if (const Task* task = tasks.find(key.task())) send_results(*task);
      return;
    case Kind::enquiry:
      return home.on_enquiry_timer(key.task());
    case Kind::lease:
      return on_lease_timer(key.task());
    case Kind::retention:
      return home.retire();
  }
}

void Node::Impl::on(const MessageReceived& event) {
  const PeerId from = event.header.from;
  ++context.counters.messages_received[event.message.index()];
  const Member* known = context.peers.find(from);
  const bool stale =
      known != nullptr && start_count(event.header.incarnation) < start_count(known->incarnation);
  if (from == PeerId::none || from == context.self.id || stale) {
    context.trace(What::message_ignored, {}, from,
                  static_cast<std::int64_t>(event.message.index()));
    // News is never answered: two that held each other for outdated would go on for ever.
    if (stale && !std::holds_alternative<News>(event.message))
      membership.tell_of_successor(*known, event.from_endpoint);
    return;
  }
  if (event.header.load) {
    View as_peer = view();
    as_peer.load = *event.header.load;
    context.peers.learn(from, as_peer.load, policies.transfer->classify(as_peer), context.now);
  }
  context.sender = from;
  context.sender_endpoint = event.from_endpoint;
  introduce(event);
  receive(from, event.from_endpoint, event.header, event.message);
}

void Node::Impl::receive(PeerId from, const Endpoint& from_endpoint, const Header& header,
                         const Message& message) {
  const auto dispatch = [&](const auto& one) {
    using M = std::decay_t<decltype(one)>;
    if constexpr (kIsMembership<M>)
      membership.on_message(from_endpoint, header, message);
    else if constexpr (std::is_same_v<M, Grant>)
      outgoings.on_grant(from, one);
    else if constexpr (std::is_same_v<M, Committed>) {
      outgoings.on_committed(from, one);
      settle_decision(one.task);
    } else if constexpr (std::is_same_v<M, Abort>) {
      incomings.on_abort(from, one);
      if (const auto outgoing = outgoings.on_abort(from, one)) kept(*outgoing);
      settle_decision(one.task);
    } else if constexpr (std::is_same_v<M, TaskReport>)
      on(one, from, from_endpoint);
    else if constexpr (std::is_same_v<M, TaskReportAck>)
      on(one);
    else if constexpr (std::is_same_v<M, Cancel>) {
      if (from == one.task.home) stop(one.task);
    } else
      on(one, from);
  };
  std::visit(dispatch, message);
}

void Node::Impl::react(const PeerChange& change) {
  switch (change.kind) {
    case PeerChange::Kind::joined:
      return;
    case PeerChange::Kind::returned:
      return home.enquire(change.peer);
    case PeerChange::Kind::restarted:
    case PeerChange::Kind::gone:
      for (const Outgoing& outgoing : outgoings.call_off_all(change.peer)) kept(outgoing);
      incomings.source_gone(change.peer);
      wishes.forget(change.peer);
      if (change.kind == PeerChange::Kind::restarted) return home.enquire(change.peer);
      home.owner_gone(change.peer);
      // Who takes leave has seen the end of its tasks, though its last acknowledgements may be
      // lost.
      if (context.peers.find(change.peer)->state == MemberState::left) drop_guests(change.peer);
      return;
    case PeerChange::Kind::forgotten:
      outgoings.forget(change.peer);
      incomings.forget(change.peer);
      home.owner_gone(change.peer);
      return drop_guests(change.peer);
  }
}

// Nobody waits any more for what has ended here for that home node.
void Node::Impl::drop_guests(PeerId home_node) {
  reports.drop(home_node);
  std::vector<TaskId> ended;
  for (const auto& [arrival, task] : tasks.all())
    if (task.id.home == home_node && task.phase == Task::Phase::returning) ended.push_back(task.id);
  for (const TaskId task : ended) discard(*tasks.find(task));
  drop_unleased(home_node);
  settle_decisions();
}

void Node::Impl::on(const LoadSampled& event) {
  const LoadConfig& config = context.config->load;
  sampled = event;
  const bool pressure = event.memory_available_bytes < config.min_memory_bytes ||
                        event.memory_pressure_thousandths > config.max_memory_pressure_thousandths;
  if (pressure == memory_pressure) return;
  memory_pressure = pressure;
  context.trace(pressure ? What::memory_pressure_on : What::memory_pressure_off, {}, PeerId::none,
                static_cast<std::int64_t>(event.memory_available_bytes >> 20),
                event.memory_pressure_thousandths);
}

void Node::Impl::on(const Reconfigured& event) {
  if (event.config->policy != context.config->policy) policies = factory(event.config->policy);
  context.config = event.config;
  context.trace(What::reconfigured);
  configure();
}

void Node::Impl::configure() {
  const Config& config = *context.config;
  context.timers.cancel({Kind::load_sample});
  context.timers.cancel({Kind::load_report});
  smoothed_thousandths = std::int64_t{present()} * 1000;
  if (config.load.smoothing_thousandths < 1000)
    context.timers.set({Kind::load_sample}, context.now + config.load.sample_interval);
  if (policies.information->report_interval() > 0)
    context.timers.set({Kind::load_report}, context.now + policies.information->report_interval());
  context.timers.cancel({Kind::retention});
  home.retire();
}

// After every event: let tasks start, look whether this peer has become a sender or receiver, and
// whether it has drained.
void Node::Impl::settle() {
  if (drained) return;
  for (const PeerChange& change : membership.take_changes()) react(change);
  if (membership.reviews_contacts()) membership.keep_contacts(business());
  begin_anew();
  start_tasks();
  classify();
  resume_refused();
  start_tasks();
  if (context.draining) give_away();
  reports.flush();
  if (evacuating) note_emptiness();
  if (!context.draining || evacuating) return;
  if (!tasks.all().empty() || !reports.empty() || home.has_open() || !handoffs_settled()) return;
  // What was taken for lost may still be somewhere, and come home after a restart.
  depart(home.has_lost() ? MemberState::dead : MemberState::left, true);
}

// What a datagram says of its sender is said as of the step's end.
void Node::Impl::complete_headers() {
  Header header{context.self.id, context.self.incarnation, std::nullopt};
  if (policies.information->piggybacks()) header.load = load();
  for (Action& action : context.actions)
    if (auto* send = std::get_if<Send>(&action)) send->header = header;
}

// --- The face

Node::Node(Identity identity, std::shared_ptr<const Config> config, PolicyFactory factory,
           std::vector<Endpoint> seeds, std::uint64_t seed, Journal journal,
           std::shared_ptr<Counters> counters, Sabotage sabotage)
    : impl_(std::make_unique<Impl>(
          std::move(identity), std::move(config), std::move(factory), std::move(seeds), seed,
          std::move(journal),
          counters != nullptr ? std::move(counters) : std::make_shared<Counters>(), sabotage)) {}

Node::~Node() = default;

void Node::keep_running(std::map<std::pair<TaskId, Epoch>, Time> stays) {
  assert(!impl_->begun);
  impl_->alive = std::move(stays);
}

void Node::remember(std::vector<Member> peers) {
  std::sort(peers.begin(), peers.end(),
            [](const Member& a, const Member& b) { return a.id < b.id; });
  impl_->context.peers.reserve(peers.size());
  for (const Member& peer : peers) impl_->context.peers.put(peer);
}
Actions Node::step(Time now, const Event& event) {
  Actions actions;
  impl_->step(now, event, actions);
  return actions;
}
void Node::step(Time now, const Event& event, Actions& actions) {
  impl_->step(now, event, actions);
}
Time Node::next_timeout() const {
  return impl_->drained ? kNever : impl_->context.timers.next();
}
const Identity& Node::identity() const {
  return impl_->context.self;
}
const Config& Node::config() const {
  return *impl_->context.config;
}
const TaskTable& Node::tasks() const {
  return impl_->tasks;
}
const HomeRecord* Node::record(TaskId task) const {
  return impl_->home.find(task);
}
std::vector<const HomeRecord*> Node::records() const {
  return impl_->home.all();
}
const Counters& Node::counters() const {
  return impl_->context.counters;
}
Load Node::load() const {
  return impl_->load();
}
Role Node::role() const {
  return impl_->role;
}
std::uint32_t Node::reserved() const {
  return impl_->incomings.count();
}
bool Node::evacuating() const {
  return impl_->evacuating;
}

bool Node::draining() const {
  return impl_->context.draining;
}
Veto Node::migration_veto(TaskId task, PeerId to) const {
  return impl_->veto_on_wish(impl_->tasks.find(task), to);
}
Veto Node::admission() const {
  return impl_->submission_veto();
}

std::vector<PeerStatus> Node::peers() const {
  std::vector<PeerStatus> peers;
  for (const Member& member : impl_->context.peers.all()) peers.push_back({.member = member});
  auto status = peers.begin();
  for (const PeerInfo& info : impl_->context.peers.eligible()) {
    while (status->member.id != info.id) ++status;
    if (info.known_at < 0) continue;
    status->load_known = true;
    status->load = info.load;
    status->role = info.role;
    status->known_at = info.known_at;
  }
  return peers;
}

std::vector<HandoffStatus> Node::handoffs() const {
  static constexpr const char* kOutgoingStages[] = {"offered", "transferring", "handed off"};
  static constexpr const char* kIncomingStages[] = {"reserved", "prepared"};
  std::vector<HandoffStatus> handoffs;
  for (const auto& [task, outgoing] : impl_->outgoings.all())
    handoffs.push_back({task, outgoing.epoch, outgoing.peer, true, outgoing.running,
                        kOutgoingStages[static_cast<std::size_t>(outgoing.stage)]});
  for (const auto& [task, incoming] : impl_->incomings.all())
    handoffs.push_back({task, incoming.epoch, incoming.peer, false, incoming.running,
                        kIncomingStages[static_cast<std::size_t>(incoming.stage)]});
  return handoffs;
}

std::optional<Endpoint> Node::endpoint(PeerId peer) const {
  if (peer == impl_->context.self.id) return impl_->context.self.endpoint;
  const Member* member = impl_->context.peers.find(peer);
  return member == nullptr ? std::nullopt : std::optional(member->endpoint);
}

std::string Node::name(PeerId peer) const {
  if (peer == impl_->context.self.id) return impl_->context.self.name;
  const Member* member = impl_->context.peers.find(peer);
  return member != nullptr && member->name != Name() ? member->name.text() : to_text(peer);
}

}  // namespace core
