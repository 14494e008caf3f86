#include "sim/faults/board_faults.h"

#include <cstddef>

#include "net/codec.h"

namespace sim::faults {
namespace {

using core::kMillisecond;
using Kind = Incident::Kind;
using State = VirtualNode::State;

Job draw_job(core::Rng& rng) {
  Job job;
  const std::uint64_t length = rng.below(4);
  job.service = 5 * kMillisecond;
  job.service += static_cast<core::Duration>(rng.below(length == 0 ? 4'000'000 : 500'000));
  const std::uint64_t megabytes = rng.below(4) == 0 ? rng.below(60) : 0;
  job.needs.bundle_bytes = megabytes << 20;
  job.needs.priority = static_cast<std::int32_t>(rng.below(20)) - 9;
  if (rng.below(8) == 0) job.needs.memory_bytes = rng.below(512) << 20;
  job.pinned = rng.below(8) == 0;
  if (rng.below(4) == 0) {
    job.status.kind =
        rng.below(2) == 0 ? core::ExitStatus::Kind::signaled : core::ExitStatus::Kind::exited;
    job.status.value = static_cast<std::int32_t>(1 + rng.below(30));
  }
  return job;
}

net::Bytes random_bytes(core::Rng& rng) {
  net::Bytes bytes(rng.below(64));
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng.below(256));
  return bytes;
}

// Some bytes changed, or cut short.
net::Bytes mutated(net::Bytes bytes, core::Rng& rng) {
  const std::uint64_t changes = 1 + rng.below(3);
  for (std::uint64_t i = 0; i < changes; ++i)
    bytes[rng.below(bytes.size())] = static_cast<std::uint8_t>(rng.below(256));
  if (rng.below(4) == 0) bytes.resize(rng.below(bytes.size()));
  return bytes;
}

}  // namespace

BoardFaults::BoardFaults(World& world, const Plan& plan)
    : world_(world), plan_(plan), rng_(plan.seed) {
  for (const Incident& incident : plan.incidents) {
    due_.emplace(incident.at, std::pair{&incident, true});
    due_.emplace(incident.at + incident.lasts, std::pair{&incident, false});
  }
  world_.believe_strangers(plan.gullible);
}

core::Time BoardFaults::next() const {
  return due_.empty() ? core::kNever : due_.begin()->first;
}

void BoardFaults::strike() {
  while (next() <= world_.now()) {
    const auto [incident, begins] = due_.begin()->second;
    due_.erase(due_.begin());
    begins ? begin(*incident) : end(*incident);
  }
}

void BoardFaults::heal() {
  due_.clear();
  world_.network().heal();
  world_.network().change(Link{});
  world_.intercept(nullptr);
  for (NodeIndex node = 0; node < world_.size(); ++node) {
    world_.start_clock(node);
    world_.lag(node, 0);
    world_.fill_disk(node, false);
    world_.fill_journal(node, false);
    world_.set_criu(node, {});
    world_.change_version(node, false);
    world_.spare(node);
    if (world_.node(node).state == State::paused) world_.resume(node);
    if (world_.node(node).journal_fails) world_.use_journal_reserve(node, false);
    run_out_of_memory(node, false);
  }
  start_all();
}

void BoardFaults::start_all() {
  for (NodeIndex node = 0; node < world_.size(); ++node)
    if (world_.node(node).state == State::down) world_.restart(node);
}

void BoardFaults::use_emptied() {
  for (NodeIndex node = 0; node < world_.size(); ++node)
    if (world_.core(node).evacuating() && world_.node(node).emptied) world_.evacuate(node, false);
}

bool BoardFaults::is_up(NodeIndex node) const {
  return world_.node(node).state == State::up;
}

void BoardFaults::begin(const Incident& incident) {
  const NodeIndex node = incident.node;
  switch (incident.kind) {
    case Kind::submit:
      return submit(incident);
    case Kind::cancel:
      return cancel(incident);
    case Kind::drain:
      return drain(incident);
    case Kind::reconfigure:
      return reconfigure(incident);
    case Kind::pause:
      if (is_up(node)) world_.pause(node);
      return;
    case Kind::crash:
      return crash(incident);
    case Kind::part:
      return part(incident);
    case Kind::weather:
      return world_.network().change(draw_weather(incident.a));
    case Kind::lag:
      return world_.lag(node, static_cast<core::Duration>(incident.a));
    case Kind::memory:
      return run_out_of_memory(node, true);
    case Kind::disk:
      return world_.fill_disk(node, true);
    case Kind::clock_jump:
      return world_.jump_clock(node, static_cast<core::Duration>(incident.a));
    case Kind::clock_stand:
      if (is_up(node)) world_.stop_clock(node);
      return;
    case Kind::version:
      return world_.change_version(node, true);
    case Kind::hostile:
      return bombard(incident);
    case Kind::wish:
      return wish(incident);
    case Kind::kill_daemon:
      any_gone_ = true;
      if (is_up(node)) world_.kill_daemon(node);
      return;
    case Kind::criu:
      return world_.set_criu(node, {.fails = true});
    case Kind::slow_criu:
      return world_.set_criu(node, {.slow = static_cast<core::Duration>(incident.a)});
    case Kind::stuck_criu:
      return world_.set_criu(node, {.hangs = true});
    case Kind::evacuate:
      return evacuate(node, true);
    case Kind::journal:
      return fail_journal(incident, true);
  }
}

void BoardFaults::end(const Incident& incident) {
  const NodeIndex node = incident.node;
  switch (incident.kind) {
    case Kind::submit:
    case Kind::cancel:
    case Kind::reconfigure:
    case Kind::clock_jump:
    case Kind::wish:
      return;
    case Kind::pause:
      if (world_.node(node).state == State::paused) world_.resume(node);
      return;
    case Kind::criu:
    case Kind::slow_criu:
    case Kind::stuck_criu:
      return world_.set_criu(node, {});
    case Kind::evacuate:
      return evacuate(node, false);
    case Kind::journal:
      return fail_journal(incident, false);
    case Kind::drain:
    case Kind::crash:
    case Kind::kill_daemon:
      world_.spare(node);
      if (world_.node(node).state == State::down) world_.restart(node);
      return;
    case Kind::part:
      return world_.network().heal();
    case Kind::weather:
      return world_.network().change(Link{});
    case Kind::lag:
      return world_.lag(node, 0);
    case Kind::memory:
      return run_out_of_memory(node, false);
    case Kind::disk:
      return world_.fill_disk(node, false);
    case Kind::clock_stand:
      return world_.start_clock(node);
    case Kind::version:
      return world_.change_version(node, false);
    case Kind::hostile:
      return world_.intercept(nullptr);
  }
}

void BoardFaults::submit(const Incident& incident) {
  core::Rng rng(incident.b);
  for (std::uint64_t i = 0; i < incident.a; ++i) {
    Job job = draw_job(rng);
    job.restarts = plan_.restarts && core::Rng(incident.b + i).below(2) == 0;
    if (is_up(incident.node)) world_.submit(incident.node, job);
  }
}

void BoardFaults::cancel(const Incident& incident) {
  const auto& tasks = world_.history().tasks();
  if (tasks.empty()) return;
  const TaskHistory& task = tasks[incident.a % tasks.size()];
  if (!is_up(task.home)) return;
  cancelled_.insert(task.id);
  world_.cancel(task.id);
}

void BoardFaults::wish(const Incident& incident) {
  const auto& tasks = world_.history().tasks();
  if (tasks.empty()) return;
  const TaskHistory& task = tasks[incident.a % tasks.size()];
  if (task.owner == kNobody || !is_up(task.owner)) return;
  const auto to = static_cast<NodeIndex>(incident.b % (world_.size() + 1));
  world_.migrate(task.owner, task.id,
                 to == world_.size() ? core::PeerId::none : world_.node(to).id);
}

void BoardFaults::drain(const Incident& incident) {
  const NodeIndex node = incident.node;
  if (!is_up(node)) return;
  any_gone_ = true;
  const bool again = world_.core(node).draining() || incident.a % 8 == 0;
  world_.drain(node);
  if (!again) return;
  if (is_up(node)) world_.drain(node);
}

void BoardFaults::reconfigure(const Incident& incident) {
  const NodeIndex node = incident.node;
  if (!is_up(node)) return;
  core::Config config = config_of(draw_config(incident.a), plan_.slots[node]);
  config.limits.lease = plan_.config.limits.lease;
  config.limits.finished_tasks = plan_.config.limits.finished_tasks;
  config.membership.view = plan_.config.membership.view;  // needs a restart
  // What is promised depends on these.
  config.membership.dead_retention = plan_.config.membership.dead_retention;
  config.membership.max_peers = plan_.config.membership.max_peers;
  world_.reconfigure(node, config);
}

void BoardFaults::crash(const Incident& incident) {
  const NodeIndex node = incident.node;
  any_gone_ = true;
  if (world_.node(node).state == State::down) return;
  if (incident.a % 3 == 0)
    world_.crash(node);
  else
    world_.crash_in_step(node, {incident.a % 3 == 1, incident.b % 6});
}

// A later partition takes the place of an earlier one.
void BoardFaults::part(const Incident& incident) {
  world_.network().heal();
  core::Rng rng(incident.a);
  for (NodeIndex node = 0; node < world_.size(); ++node) {
    const std::uint64_t side = rng.below(2);
    world_.network().place(node, static_cast<std::uint32_t>(side));
  }
  const std::uint64_t ways = incident.b % 3;
  if (ways != 1) world_.network().block(0, 1);
  if (ways != 2) world_.network().block(1, 0);
}

void BoardFaults::run_out_of_memory(NodeIndex node, bool out) {
  if (!is_up(node)) return;
  core::LoadSampled sample;
  sample.memory_available_bytes = out ? 1 << 20 : 4ull << 30;
  sample.memory_pressure_thousandths = out ? 800 : 0;
  sample.disk_available_bytes = UINT64_MAX;
  world_.sample(node, sample);
}

void BoardFaults::evacuate(NodeIndex node, bool on) {
  if (is_up(node)) world_.evacuate(node, on);
}

void BoardFaults::fail_journal(const Incident& incident, bool fails) {
  const NodeIndex node = incident.node;
  const bool reserve_is_enough = incident.b % 4 == 0;
  world_.fill_journal(node, fails && !reserve_is_enough);
  if (reserve_is_enough && is_up(node)) world_.use_journal_reserve(node, fails);
}

void BoardFaults::bombard(const Incident& incident) {
  const core::Endpoint& stranger = world_.node(incident.node).endpoint;
  for (std::uint64_t i = 0; i < incident.a; ++i) {
    const std::uint64_t victim = rng_.below(world_.size());
    world_.inject(static_cast<NodeIndex>(victim), stranger, random_bytes(rng_));
  }
  world_.intercept([this](NodeIndex from, NodeIndex to, const core::Message& message) {
    if (rng_.below(4) > 0) return true;
    const VirtualNode& sender = world_.node(from);
    const core::Header header{sender.id, core::first_incarnation(sender.life), std::nullopt};
    world_.inject(to, sender.endpoint, mutated(net::encode(net::Datagram{header, message}), rng_));
    return true;
  });
}

}  // namespace sim::faults
