#include "core/policy.h"

#include <algorithm>

#include "core/by_id.h"

namespace core {

Movability View::movability(const Task& task) const {
  const bool running = task.phase == Task::Phase::running;
  if (task.phase != Task::Phase::waiting && !(running && migrates)) return Movability::not_waiting;
  if (task.pinned) return Movability::pinned;
  if (task.held || task.stopping) return Movability::held;
  if (running ? !task.migratable : task.goes_on) return Movability::process;
  if (seeking && (task.searching || now < task.wished_until)) return Movability::sought;
  if (task.hops >= limits.moves_per_task || !task.has_epochs_left()) return Movability::hop_limit;
  if (now - (running ? task.started : task.arrived) < limits.min_residence)
    return Movability::residence;
  if (now < task.not_before && running) return Movability::residence;
  return Movability::movable;
}

void MigrationCost::learn(std::uint64_t bytes, Duration taken) {
  const Duration expected = std::max<Duration>(1, of(bytes));
  const Duration bounded = std::clamp(taken, expected / 16, expected * 16);
  const auto follow = [&](Duration value, Duration first) {
    const Duration moved = value + value * (bounded - expected) / expected / 8;
    return std::clamp<Duration>(moved, first / 1000, first * 1000);
  };
  base = follow(base, MigrationCost{}.base);
  per_mebibyte = follow(per_mebibyte, MigrationCost{}.per_mebibyte);
}

View View::with(int tasks_more) const {
  View other = *this;
  other.load = std::max(0, load + tasks_more * task_load);
  return other;
}

Role View::role_between(Load low, Load high) const {
  if (load > high) return Role::sender;
  const bool has_room = load < low && (load < task_load || load + task_load <= high);
  return has_room ? Role::receiver : Role::ok;
}

const PeerInfo* View::fresh(PeerId peer) const {
  if (max_age <= 0) return nullptr;
  const PeerInfo* found = find_by_id(peers, peer);
  if (found == nullptr || found->known_at < 0 || now - found->known_at > max_age) return nullptr;
  return found;
}

bool Search::asked(PeerId peer) const {
  return std::any_of(probed.begin(), probed.end(),
                     [peer](const Probed& entry) { return entry.peer == peer; });
}

}  // namespace core
