#include "core/policy.h"

#include <algorithm>

#include "core/by_id.h"

namespace core {

Movability View::movability(const Task& task) const {
  if (task.phase != Task::Phase::waiting) return Movability::not_waiting;
  if (task.pinned) return Movability::pinned;
  if (seeking && (task.searching || now < task.wished_until)) return Movability::sought;
  if (task.hops >= limits.moves_per_task) return Movability::hop_limit;
  if (now - task.arrived < limits.min_residence) return Movability::residence;
  return Movability::movable;
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
