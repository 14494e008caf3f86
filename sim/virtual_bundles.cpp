// What travels with a task: its files, and what runs as an image that a board's CRIU writes and
// reads. Either may fail, take long, or never answer.
#include "sim/world.h"

namespace sim {

core::Duration World::transfer_cpu(std::uint64_t bytes) const {
  const auto per_byte = static_cast<std::uint64_t>(options_.transfer_cpu_per_mebibyte) * bytes;
  return options_.transfer_cpu_per_task + static_cast<core::Duration>(per_byte >> 20);
}

void World::perform(NodeIndex index, const core::SendBundle& bundle) {
  VirtualNode& node = nodes_[index];
  const NodeIndex to = index_of(bundle.endpoint);
  const auto first = node.files.lower_bound({bundle.task, 0});
  if (first == node.files.end() || first->first != bundle.task)
    history_.violation(bundle.task, "sent without its files");
  node.sending.insert({bundle.task, bundle.epoch});
  BundleArrives arrives{bundle.task, bundle.epoch, index, node.life};
  std::uint64_t bytes = history_.of(bundle.task).job.needs.bundle_bytes;
  if (bundle.running) {
    // It may have ended while the offer was on its way.
    const bool there = node.processes.contains(bundle.task) && !node.frozen.contains(bundle.task);
    if (!there || node.criu.fails) return tell_source(arrives, false);
    freeze(index, bundle.task);
    arrives.work = node.frozen.at(bundle.task);
    bytes += history_.of(bundle.task).job.image_bytes;
  }
  if (to == kNobody) return tell_source(arrives, false);
  const core::Duration dump = bundle.running ? begin_dump(index, arrives) : 0;
  if (dump == core::kNever) return;
  node.cpu.charge(now_, transfer_cpu(bytes));
  arm_cpu(index);
  schedule(dump + network_.transfer_time(bytes), {to, kAnyLife, arrives});
}

// What it takes beyond the transfer; kNever: there will be none.
core::Duration World::begin_dump(NodeIndex index, const BundleArrives& bundle) {
  VirtualNode& node = nodes_[index];
  const CriuHealth& criu = node.criu;
  if (criu.slow == 0 && !criu.hangs) return 0;
  const core::Duration taken = criu.hangs ? kCriuLimit : criu.slow;
  node.dumps[bundle.task] = {.number = ++operations_};
  schedule(taken, {index, kAnyLife,
                   DumpEnds{operations_, bundle.task, bundle.epoch, node.life, !criu.hangs}});
  return criu.hangs ? core::kNever : taken;
}

void World::on(NodeIndex index, DumpEnds& end) {
  VirtualNode& node = nodes_[index];
  const auto found = node.dumps.find(end.task);
  if (found == node.dumps.end() || found->second.number != end.dump) return;
  const bool given_up = found->second.given_up;
  node.dumps.erase(found);
  if (given_up) return thaw(index, end.task);
  if (!end.ok) tell_source({end.task, end.epoch, index, end.life}, false);
}

void World::perform(NodeIndex index, const core::ExpectBundle& bundle) {
  nodes_[index].expected.insert({bundle.task, bundle.epoch});
}

void World::perform(NodeIndex index, const core::CancelBundle& bundle) {
  nodes_[index].expected.erase({bundle.task, bundle.epoch});
  nodes_[index].sending.erase({bundle.task, bundle.epoch});
  nodes_[index].restores.erase({bundle.task, bundle.epoch});
  thaw(index, bundle.task);
}

void World::on(NodeIndex index, BundleArrives& bundle) {
  VirtualNode& node = nodes_[index];
  const VirtualNode& source = nodes_[bundle.source];
  const VirtualNode::Stay stay{bundle.task, bundle.epoch};
  const bool expected = node.expected.erase(stay) > 0;
  const bool sent = source.life == bundle.source_life && source.sending.contains(stay);
  const bool ok = expected && sent && !node.disk_full && !streams_differ(bundle.source, index) &&
                  !network_.stream_breaks(bundle.source, index) &&
                  !(bundle.work > 0 && node.criu.fails);
  if (ok && bundle.work > 0 && (node.criu.slow > 0 || node.criu.hangs)) {
    tell_source(bundle, true);
    return begin_restore(index, bundle);
  }
  if (ok) node.files.insert(stay);
  if (ok && bundle.work > 0) node.restored[stay] = bundle.work;
  if (sent) tell_source(bundle, ok);
  if (expected) step(index, core::BundleReceived{bundle.task, bundle.epoch, ok});
}

void World::begin_restore(NodeIndex index, const BundleArrives& bundle) {
  VirtualNode& node = nodes_[index];
  const CriuHealth& criu = node.criu;
  node.restores[{bundle.task, bundle.epoch}] = {++operations_, bundle.work};
  schedule(criu.hangs ? kCriuLimit : criu.slow,
           {index, node.life, RestoreEnds{operations_, bundle.task, bundle.epoch, !criu.hangs}});
}

void World::on(NodeIndex index, RestoreEnds& end) {
  VirtualNode& node = nodes_[index];
  const VirtualNode::Stay stay{end.task, end.epoch};
  const auto found = node.restores.find(stay);
  if (found == node.restores.end() || found->second.number != end.restore) return;
  const core::Duration work = found->second.work;
  node.restores.erase(found);
  if (end.ok) {
    node.files.insert(stay);
    node.restored[stay] = work;
  }
  step(index, core::BundleReceived{end.task, end.epoch, end.ok});
}

bool World::streams_differ(NodeIndex one, NodeIndex other) const {
  return nodes_[one].other_version != nodes_[other].other_version;
}

void World::tell_source(const BundleArrives& bundle, bool ok) {
  nodes_[bundle.source].sending.erase({bundle.task, bundle.epoch});
  schedule(network_.link().delay_max,
           {bundle.source, bundle.source_life, core::BundleSent{bundle.task, bundle.epoch, ok}});
}

}  // namespace sim
