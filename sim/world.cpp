#include "sim/world.h"

#include <algorithm>
#include <cassert>
#include <set>
#include <type_traits>
#include <utility>

#include "policies/registry.h"

namespace sim {
namespace {

constexpr std::uint16_t kPort = 7400;
constexpr core::LoadSampled kWellSampled = {.memory_available_bytes = UINT64_MAX,
                                            .disk_available_bytes = UINT64_MAX};
constexpr std::uint8_t kNetwork = 10;  // 10.x.y.z, where x.y.z is the node's number

core::Endpoint endpoint_of(NodeIndex node) {
  core::Endpoint endpoint;
  endpoint.address[10] = 0xff;
  endpoint.address[11] = 0xff;
  endpoint.address[12] = kNetwork;
  for (std::size_t byte = 0; byte < 3; ++byte)
    endpoint.address[15 - byte] = static_cast<std::uint8_t>(node >> (8 * byte));
  endpoint.port = kPort;
  return endpoint;
}

std::vector<core::Endpoint> endpoints_of(const std::vector<NodeIndex>& nodes) {
  std::vector<core::Endpoint> endpoints;
  for (const NodeIndex node : nodes) endpoints.push_back(endpoint_of(node));
  return endpoints;
}

// Different streams of chance from one seed.
std::uint64_t derive(std::uint64_t seed, std::uint64_t stream) {
  core::Rng rng(seed ^ (stream * 0x9e3779b97f4a7c15u));
  return rng.next();
}

}  // namespace

World::World(const WorldOptions& options)
    : options_(options),
      network_(options.link, derive(options.seed, 1)),
      history_(options.forget_ended),
      counters_(options.share_counters ? std::make_shared<core::Counters>() : nullptr) {}

// --- Nodes

NodeIndex World::add(const NodeOptions& options) {
  const auto index = size();
  VirtualNode node;
  // Scrambled, so that the order of identities is not that of starting.
  node.id = options.id.value_or(core::PeerId{derive(options_.seed, 1000 + index) | 1});
  node.name = "n" + std::to_string(index);
  node.endpoint = endpoint_of(index);
  node.config = share(options.config);
  const std::uint32_t slots = options.config.load.slots;
  node.cpu = Cpu(options.processors == 0 ? slots : options.processors, options.speed_thousandths);
  node.seeds = endpoints_of(options.seeds);
  node.keeps_journal = options.journal;
  node.migrates = options.migrates;
  by_id_.emplace(node.id, index);
  nodes_.push_back(std::move(node));
  start(index);
  return index;
}

void World::acquaint(std::uint32_t view) {
  const std::uint32_t others = size() - 1;
  const std::uint32_t wanted = view == 0 ? others : std::min(view, others);
  core::Rng rng(derive(options_.seed, 2));
  std::vector<core::Member> peers;
  for (NodeIndex index = 0; index < size(); ++index) {
    peers.clear();
    // Floyd's draw of a subset: of those after `index`, counted round.
    std::set<std::uint32_t> drawn;
    for (std::uint32_t last = others - wanted + 1; last <= others; ++last) {
      const auto step = static_cast<std::uint32_t>(1 + rng.below(last));
      if (!drawn.insert(step).second) drawn.insert(last);
    }
    for (const std::uint32_t step : drawn) {
      const VirtualNode& peer = nodes_[(index + step) % size()];
      peers.push_back({.id = peer.id,
                       .name = peer.name,
                       .endpoint = peer.endpoint,
                       .incarnation = core::first_incarnation(peer.life)});
    }
    nodes_[index].core->remember(peers);
  }
}

void World::start(NodeIndex index) {
  VirtualNode& node = nodes_[index];
  assert(node.state == VirtualNode::State::down);
  node.state = VirtualNode::State::up;
  node.drained = node.emptied = false;
  ++node.life;
  // A beginning that was decided, and not made any more, is made now.
  for (const auto& [task, owned] : node.journal.owned)
    if (core::restarts_of(owned.epoch) > 0 && node.files.contains({task, 0}))
      node.files.insert({task, owned.epoch});
  const core::Identity identity{node.id, node.name, node.endpoint,
                                core::first_incarnation(node.life)};
  const std::uint64_t stream = (std::uint64_t{node.life} << 32) + 2 * index + 2;
  node.core = std::make_unique<core::Node>(identity, node.config, policies::make_policies,
                                           node.seeds, derive(options_.seed, stream), node.journal,
                                           counters_, options_.sabotage);
  // What the journal knows nothing of is ended before anything else.
  std::map<VirtualNode::Stay, core::Time> alive;
  for (const auto& [task, run] : std::exchange(node.processes, {})) {
    const VirtualNode::Stay stay{task, history_.of(task).runs.at(run).epoch};
    if (node.journal.holds(stay.first, stay.second)) {
      const auto lease = node.leases.find(task);
      alive[stay] = lease == node.leases.end() ? core::kNever : lease->second;
      node.processes[task] = run;
      continue;
    }
    node.leases.erase(task);
    history_.ended(task, run, Run::End::crashed, now_);
    node.frozen.erase(task);
    node.dumps.erase(task);
    node.cpu.remove(now_, task);
  }
  const auto unknown = [&](const auto& of_stay) {
    return !node.journal.holds(of_stay.first.first, of_stay.first.second);
  };
  std::erase_if(node.restored, unknown);
  std::erase_if(node.ended, unknown);
  for (const auto& [stay, work] : node.restored) alive[stay] = 0;
  for (const auto& [stay, status] : node.ended) alive[stay] = 0;
  node.core->keep_running(std::move(alive));
  step(index, core::Tick{});
  for (const auto& [stay, status] : node.ended)
    schedule(0, {index, node.life, core::TaskExited{stay.first, status}});
  node.sampled = kWellSampled;
  if (node.migrates) sample(index, node.sampled);
  node.cpu.advance(now_);
  arm_cpu(index);
}

void World::stop(NodeIndex index) {
  VirtualNode& node = nodes_[index];
  for (const auto& [task, run] : node.processes) history_.ended(task, run, Run::End::crashed, now_);
  node.processes.clear();
  node.frozen.clear();
  node.restored.clear();
  node.dumps.clear();
  node.restores.clear();
  node.leases.clear();
  node.halted.clear();
  std::erase_if(node.files, [&](const VirtualNode::Stay& stay) {
    return !node.journal.holds(stay.first, stay.second);
  });
  node.cpu.clear(now_);
  node.cpu_armed_at = core::kNever;
  node.expected.clear();
  node.sending.clear();
  node.ended.clear();
  node.outbox = {};
  node.journal_fails = false;
  node.backlog.clear();
  node.core.reset();
  node.crash.reset();
  node.clock_stands = false;
  node.alarms.clear();
  node.state = VirtualNode::State::down;
}

void World::pause(NodeIndex index) {
  assert(nodes_[index].state == VirtualNode::State::up);
  nodes_[index].state = VirtualNode::State::paused;
}

void World::resume(NodeIndex index) {
  VirtualNode& node = nodes_[index];
  if (node.state != VirtualNode::State::paused) return;
  node.state = VirtualNode::State::up;
  if (node.core->next_timeout() <= clock(node)) step(index, core::Tick{});
  arm(index);
  for (Occurrence& occurrence : std::exchange(node.backlog, {})) handle(std::move(occurrence));
}

void World::kill_daemon(NodeIndex index) {
  VirtualNode& node = nodes_[index];
  auto processes = std::exchange(node.processes, {});
  const auto frozen = std::exchange(node.frozen, {});
  const auto restored = std::exchange(node.restored, {});
  const auto dumps = std::exchange(node.dumps, {});
  const auto ended = std::exchange(node.ended, {});
  const auto leases = std::exchange(node.leases, {});
  const auto halted = std::exchange(node.halted, {});
  const Cpu cpu = node.cpu;
  stop(index);
  node.processes = std::move(processes);
  node.frozen = frozen;
  node.restored = restored;
  node.dumps = dumps;
  node.ended = ended;
  node.leases = leases;
  node.halted = halted;
  node.cpu = cpu;
}

void World::migrate(NodeIndex node, core::TaskId task, core::PeerId to) {
  step(node, core::MigrateRequested{task, to});
}

void World::hold(NodeIndex node, core::TaskId task, bool hold) {
  step(node, core::HoldRequested{task, hold});
}

void World::crash(NodeIndex index) {
  assert(nodes_[index].state != VirtualNode::State::down);
  stop(index);
}

void World::restart(NodeIndex index, const std::vector<NodeIndex>& seeds) {
  if (!seeds.empty()) nodes_[index].seeds = endpoints_of(seeds);
  start(index);
}

const core::Node& World::core(NodeIndex index) const {
  assert(nodes_.at(index).core != nullptr);
  return *nodes_[index].core;
}

NodeIndex World::index_of(core::PeerId peer) const {
  const auto found = by_id_.find(peer);
  return found == by_id_.end() ? kNobody : found->second;
}

std::string World::name(core::PeerId peer) const {
  const NodeIndex index = index_of(peer);
  return index == kNobody ? "somebody" : nodes_[index].name;
}

// --- What users and the board do

core::TaskId World::submit(NodeIndex home, const Job& job) {
  const core::TaskId task = history_.submit(nodes_[home].id, home, job, now_);
  if (nodes_[home].disk_full) {
    history_.refused(task, core::Veto::insufficient_disk);
    return task;
  }
  nodes_[home].files.insert({task, 1});
  if (job.restarts) nodes_[home].files.insert({task, 0});
  step(home, core::TaskSubmitted{task, job.needs, job.pinned, job.restarts});
  return task;
}

void World::cancel(core::TaskId task) {
  step(history_.of(task).home, core::CancelRequested{task});
}

void World::drain(NodeIndex node) {
  step(node, core::DrainRequested{});
}

void World::evacuate(NodeIndex node, bool on) {
  nodes_[node].emptied = false;
  step(node, core::EvacuateRequested{on});
}

void World::sample(NodeIndex index, core::LoadSampled sample) {
  VirtualNode& node = nodes_[index];
  node.sampled = sample;
  sample.migrates = node.migrates;
  sample.journal_fails = node.journal_fails;
  step(index, sample);
}

std::shared_ptr<const core::Config> World::share(const core::Config& config) {
  if (config_ == nullptr || *config_ != config)
    config_ = std::make_shared<const core::Config>(config);
  return config_;
}

void World::reconfigure(NodeIndex index, const core::Config& config) {
  nodes_[index].config = share(config);
  step(index, core::Reconfigured{nodes_[index].config});
}

// --- Time

core::Time World::clock(const VirtualNode& node) const {
  return node.clock_stands ? node.clock_stood_at : now_ + node.clock_ahead;
}

void World::jump_clock(NodeIndex index, core::Duration by) {
  assert(by >= 0);
  VirtualNode& node = nodes_[index];
  node.clock_ahead += by;
  arm(index);
}

void World::stop_clock(NodeIndex index) {
  VirtualNode& node = nodes_[index];
  node.clock_stood_at = clock(node);
  node.clock_stands = true;
}

void World::start_clock(NodeIndex index) {
  VirtualNode& node = nodes_[index];
  node.clock_stands = false;
  arm(index);
}

bool World::advance(core::Time until) {
  if (queue_.empty() || queue_.next_time() > until) return false;
  now_ = queue_.next_time();
  handle(queue_.pop());
  return true;
}

void World::run_until(core::Time time) {
  while (advance(time)) continue;
  now_ = time;
}

bool World::reaches(const std::function<bool()>& condition, core::Duration within,
                    core::Duration every) {
  const core::Time limit = now_ + within;
  while (!condition()) {
    if (now_ >= limit) return false;
    run_for(every);
  }
  return true;
}

void World::schedule(core::Duration after, Occurrence occurrence) {
  queue_.push(now_ + after, std::move(occurrence));
}

void World::handle(Occurrence&& occurrence) {
  const NodeIndex index = occurrence.node;
  VirtualNode& node = nodes_[index];
  if (occurrence.life != kAnyLife && occurrence.life != node.life) return;
  const bool of_the_daemon = !std::holds_alternative<CpuDue>(occurrence.what) &&
                             !std::holds_alternative<ProcessStops>(occurrence.what) &&
                             !std::holds_alternative<DumpEnds>(occurrence.what) &&
                             !std::holds_alternative<LeaseEnds>(occurrence.what);
  if (node.state == VirtualNode::State::paused && of_the_daemon) {
    const bool is_datagram = std::holds_alternative<DatagramArrived>(occurrence.what);
    if (std::holds_alternative<TimerDue>(occurrence.what)) {
      node.alarms.pop_back();
      return;
    }
    if (is_datagram && node.backlog.size() >= options_.backlog) return;
    node.backlog.push_back(std::move(occurrence));
    return;
  }
  std::visit([&](auto& what) { on(index, what); }, occurrence.what);
}

void World::on(NodeIndex index, TimerDue&) {
  VirtualNode& node = nodes_[index];
  if (node.state == VirtualNode::State::down) return;
  node.alarms.pop_back();
  if (node.core->next_timeout() <= clock(node)) return step(index, core::Tick{});
  arm(index);
}

// Only what is earlier than all of its alarms in the queue needs another one: a deadline that moved
// later, or comes after them, is looked at when one of them is due.
void World::arm(NodeIndex index) {
  VirtualNode& node = nodes_[index];
  if (node.state != VirtualNode::State::up) return;
  core::Time next = node.core->next_timeout();
  if (next == core::kNever || node.clock_stands) return;
  next = std::max(now_, next - node.clock_ahead);
  if (!node.alarms.empty() && node.alarms.back() <= next) return;
  node.alarms.push_back(next);
  queue_.push(next, {index, node.life, TimerDue{}});
}

void World::step(NodeIndex index, const core::Event& event) {
  VirtualNode& node = nodes_[index];
  if (node.state != VirtualNode::State::up) return;
  ++events_;
  // One vector serves all steps; a step that an observer takes inside this one has its own.
  core::Actions actions = std::exchange(actions_, {});
  node.core->step(clock(node), event, actions);
  const std::optional<CrashPoint> crash = std::exchange(node.crash, std::nullopt);
  const bool committed = !crash || !crash->torn;
  std::size_t left = !crash ? SIZE_MAX : crash->torn ? 0 : crash->performed;
  if (options_.sabotage == core::Sabotage::act_before_commit) left = SIZE_MAX;
  if (committed) release(index, actions);
  for (const Observer& observer : observers_)
    observer({now_, index, event, actions, committed, left});
  for (const core::Action& action : actions) {
    if (std::holds_alternative<core::Persist>(action)) continue;
    if (left-- == 0) break;
    std::visit([&](const auto& one) { perform(index, one); }, action);
  }
  if (crash && node.state != VirtualNode::State::down) stop(index);
  actions_ = std::move(actions);
  arm(index);
}

NodeIndex World::index_of(const core::Endpoint& endpoint) const {
  NodeIndex index = 0;
  for (std::size_t byte = 13; byte < 16; ++byte) index = index << 8 | endpoint.address[byte];
  return index < size() && endpoint_of(index) == endpoint ? index : kNobody;
}

}  // namespace sim
