// What the world does for its nodes: datagrams, processes, files and streams.
#include <cassert>
#include <cstddef>
#include <utility>
#include <variant>

#include "net/codec.h"
#include "sim/world.h"

namespace sim {
namespace {

constexpr std::size_t kVersionAt = 1;  // in a datagram's bytes, behind the array's header

}  // namespace

// --- Datagrams

void World::perform(NodeIndex index, const core::Send& send) {
  const NodeIndex to = index_of(send.endpoint);
  ++datagrams_;
  if (to == kNobody || (interceptor_ && !interceptor_(index, to, send.message))) return;
  const Fate fate = network_.datagram(index, to);
  if (fate.copies == 0) return;
  net::Bytes spare;
  if (!buffers_.empty()) {
    spare = std::move(buffers_.back());
    buffers_.pop_back();
  }
  net::Bytes bytes = net::encode(send.header, send.message, std::move(spare));
  const VirtualNode& sender = nodes_[index];
  const core::Duration lag = sender.lag + nodes_[to].lag;
  const bool foreign = sender.other_version;
  if (foreign) ++bytes.at(kVersionAt);
  if (fate.copies == 2)
    schedule(lag + fate.delays[1],
             {to, kAnyLife, DatagramArrived{sender.endpoint, bytes, foreign}});
  schedule(lag + fate.delays[0],
           {to, kAnyLife, DatagramArrived{sender.endpoint, std::move(bytes), foreign}});
}

void World::inject(NodeIndex to, const core::Endpoint& from, net::Bytes bytes) {
  schedule(0, {to, kAnyLife, DatagramArrived{from, std::move(bytes), true}});
}

void World::replay(NodeIndex from, NodeIndex to, const core::Message& message) {
  const VirtualNode& node = nodes_[from];
  const core::Header header{node.id, core::first_incarnation(node.life), std::nullopt};
  net::Bytes bytes = net::encode(net::Datagram{header, message});
  schedule(0, {to, kAnyLife, DatagramArrived{node.endpoint, std::move(bytes)}});
}

void World::on(NodeIndex index, DatagramArrived& datagram) {
  if (nodes_[index].other_version) return;
  net::Decoded<net::Datagram> decoded = net::decode_datagram(datagram.bytes);
  buffers_.push_back(std::move(datagram.bytes));
  if (const auto* error = std::get_if<net::DecodeError>(&decoded)) {
    if (!datagram.foreign) history_.violation({}, "a peer's datagram is refused: " + error->reason);
    return;
  }
  if (datagram.foreign && !believe_strangers_) return;
  auto& [header, message] = std::get<net::Datagram>(decoded);
  step(index, core::MessageReceived{datagram.from, header, std::move(message)});
}

// --- Tasks

void World::perform(NodeIndex, const core::Accepted& accepted) {
  history_.accepted(accepted.task);
}

void World::perform(NodeIndex index, const core::Refused& refused) {
  history_.refused(refused.task, refused.veto);
  nodes_[index].files.erase({refused.task, 0});
  nodes_[index].files.erase({refused.task, 1});
}

void World::record(NodeIndex index, const core::Persist& persist) {
  using What = core::Persist::What;
  if (persist.what == What::submitted || persist.what == What::owned ||
      persist.what == What::restarted)
    history_.owned(persist.task, persist.epoch, index);
  if (persist.what == What::finished) history_.recorded(persist.task, persist.status, now_);
}

void World::perform(NodeIndex index, const core::StartTask& start) {
  VirtualNode& node = nodes_[index];
  if (node.state == VirtualNode::State::down)
    return history_.violation(start.task, "started by who has left");
  if (node.ended.contains({start.task, start.epoch})) return;
  set_lease(index, start.task, start.until);
  if (node.processes.contains(start.task)) return thaw(index, start.task);
  if (!node.files.contains({start.task, start.epoch}))
    history_.violation(start.task, "started without its files");
  const auto restored = node.restored.find({start.task, start.epoch});
  const bool goes_on = restored != node.restored.end();
  const auto& runs = history_.of(start.task).runs;
  const bool has_run =
      !runs.empty() && core::restarts_of(runs.back().epoch) == core::restarts_of(start.epoch);
  if (!goes_on && has_run)
    history_.violation(start.task, "started from its beginning, though it has run");
  const std::size_t run = history_.started(start.task, start.epoch, index, now_);
  node.processes[start.task] = run;
  node.cpu.start(now_, start.task,
                 goes_on ? restored->second : history_.of(start.task).job.service);
  if (goes_on) node.restored.erase(restored);
  arm_cpu(index);
  if (start.until != core::kNever) watch_lease(index, start.task);
  const std::uint64_t bytes = history_.of(start.task).job.image_bytes;
  if (bytes > 0) schedule(0, {index, node.life, core::TaskMeasured{start.task, bytes, true}});
}

void World::freeze(NodeIndex index, core::TaskId task) {
  VirtualNode& node = nodes_[index];
  node.frozen[task] = node.cpu.remove(now_, task);
  history_.froze(task, node.processes.at(task));
  arm_cpu(index);
}

// --- Leases

void World::set_lease(NodeIndex index, core::TaskId task, core::Time until) {
  VirtualNode& node = nodes_[index];
  if (until == core::kNever)
    node.leases.erase(task);
  else
    node.leases[task] = until;
  if (node.processes.contains(task)) watch_lease(index, task);
}

void World::watch_lease(NodeIndex index, core::TaskId task) {
  const VirtualNode& node = nodes_[index];
  const auto lease = node.leases.find(task);
  if (lease == node.leases.end()) return;
  // A clock that stands is looked at again in a while.
  const core::Duration left = std::max(core::kMillisecond, lease->second - clock(node));
  schedule(left, {index, kAnyLife, LeaseEnds{task, node.processes.at(task)}});
}

bool World::may_run(NodeIndex index, core::TaskId task) const {
  const VirtualNode& node = nodes_[index];
  const auto lease = node.leases.find(task);
  return lease == node.leases.end() || clock(node) < lease->second;
}

void World::on(NodeIndex index, LeaseEnds& lease) {
  VirtualNode& node = nodes_[index];
  const auto process = node.processes.find(lease.task);
  if (process == node.processes.end() || process->second != lease.run) return;
  if (node.frozen.contains(lease.task)) return;
  if (may_run(index, lease.task)) return watch_lease(index, lease.task);
  halt(index, lease.task);
}

void World::perform(NodeIndex index, const core::ExtendLease& lease) {
  if (!nodes_[index].processes.contains(lease.task)) return;
  set_lease(index, lease.task, lease.until);
  if (nodes_[index].halted.contains(lease.task)) thaw(index, lease.task);
}

void World::perform(NodeIndex index, const core::FreezeTask& freeze_task) {
  VirtualNode& node = nodes_[index];
  if (!node.processes.contains(freeze_task.task)) return;
  node.leases[freeze_task.task] = 0;
  halt(index, freeze_task.task);
}

void World::halt(NodeIndex index, core::TaskId task) {
  VirtualNode& node = nodes_[index];
  node.halted.insert(task);
  if (!node.frozen.contains(task)) freeze(index, task);
}

void World::perform(NodeIndex index, const core::RestartTask& restart) {
  VirtualNode& node = nodes_[index];
  if (!node.files.contains({restart.task, 0}))
    history_.violation(restart.task, "begun anew without its files");
  node.files.insert({restart.task, restart.epoch});
}

// Nothing if it is not frozen, or may not run; later if it is being dumped.
void World::thaw(NodeIndex index, core::TaskId task) {
  VirtualNode& node = nodes_[index];
  const auto found = node.frozen.find(task);
  if (found == node.frozen.end()) return;
  const auto dump = node.dumps.find(task);
  if (dump != node.dumps.end()) {
    dump->second.given_up = true;
    return;
  }
  if (!may_run(index, task)) {
    node.halted.insert(task);
    return;
  }
  node.halted.erase(task);
  history_.thawed(task, node.processes.at(task));
  node.cpu.start(now_, task, found->second);
  node.frozen.erase(found);
  arm_cpu(index);
}

void World::perform(NodeIndex index, const core::StopTask& stop) {
  const VirtualNode& node = nodes_[index];
  const auto found = node.processes.find(stop.task);
  if (found == node.processes.end()) return;
  schedule(options_.stop_time, {index, node.life, ProcessStops{stop.task, found->second}});
}

void World::on(NodeIndex index, ProcessStops& process) {
  VirtualNode& node = nodes_[index];
  const auto found = node.processes.find(process.task);
  if (found == node.processes.end() || found->second != process.run) return;
  node.cpu.remove(now_, process.task);
  node.frozen.erase(process.task);
  process_ends(index, process.task, Run::End::stopped);
  arm_cpu(index);
}

// A deadline that moved later is noticed when the old one is due.
void World::arm_cpu(NodeIndex index) {
  VirtualNode& node = nodes_[index];
  const core::Time next = node.cpu.next_change();
  if (next == core::kNever || next >= node.cpu_armed_at) return;
  node.cpu_armed_at = next;
  queue_.push(next, {index, node.life, CpuDue{}});
}

void World::on(NodeIndex index, CpuDue&) {
  VirtualNode& node = nodes_[index];
  if (node.cpu_armed_at != now_) return;
  node.cpu_armed_at = core::kNever;
  node.cpu.advance(now_);
  for (auto end = node.cpu.next_end(); end && end->first <= now_; end = node.cpu.next_end()) {
    node.cpu.remove(now_, end->second);
    process_ends(index, end->second, Run::End::exited);
  }
  arm_cpu(index);
}

void World::process_ends(NodeIndex index, core::TaskId task, Run::End end) {
  VirtualNode& node = nodes_[index];
  const std::size_t run = node.processes.at(task);
  history_.ended(task, run, end, now_);
  node.processes.erase(task);
  node.leases.erase(task);
  node.halted.erase(task);
  node.dumps.erase(task);
  core::ExitStatus status = history_.of(task).job.status;
  if (end == Run::End::stopped) status = {core::ExitStatus::Kind::signaled, 15};
  node.ended[{task, history_.of(task).runs.at(run).epoch}] = status;
  handle({index, node.life, core::TaskExited{task, status}});
}

// --- Ends

void World::perform(NodeIndex index, const core::SendResults& results) {
  const ResultsArrive arrive{results.task, results.epoch, results.status,
                             index_of(results.endpoint)};
  schedule(network_.link().stream_latency, {index, nodes_[index].life, arrive});
}

void World::on(NodeIndex index, ResultsArrive& results) {
  const bool at_home = results.home == index;
  const bool ok =
      at_home ||
      (results.home != kNobody && nodes_[results.home].state == VirtualNode::State::up &&
       !streams_differ(index, results.home) && !network_.stream_breaks(index, results.home));
  if (ok) history_.results_arrived(results.task);
  step(index, core::ResultsSent{results.task, results.epoch, ok, results.status});
}

void World::perform(NodeIndex index, const core::DiscardTask& discard) {
  VirtualNode& node = nodes_[index];
  node.files.erase({discard.task, discard.epoch});
  node.restored.erase({discard.task, discard.epoch});
  node.ended.erase({discard.task, discard.epoch});
  const auto frozen = node.frozen.find(discard.task);
  if (frozen == node.frozen.end()) return;
  const auto process = node.processes.find(discard.task);
  if (history_.of(discard.task).runs.at(process->second).epoch != discard.epoch) return;
  history_.ended(discard.task, process->second, Run::End::moved, now_);
  node.processes.erase(process);
  node.frozen.erase(frozen);
  node.dumps.erase(discard.task);
  node.leases.erase(discard.task);
  node.halted.erase(discard.task);
}

void World::perform(NodeIndex index, const core::Drained&) {
  stop(index);
  nodes_[index].drained = true;
}

void World::perform(NodeIndex index, const core::Emptied&) {
  nodes_[index].emptied = true;
}

}  // namespace sim
