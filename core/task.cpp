#include "core/task.h"

#include <cassert>

namespace core {

Task& TaskTable::add(const Task& task, Duration aging) {
  const std::uint64_t arrival = next_arrival_++;
  const Time start_key = task.arrived - task.waited_before - task.needs.priority * aging;
  Task& stored = tasks_.emplace_hint(tasks_.end(), arrival, task)->second;
  const bool added = index_.emplace(task.id, Entry{arrival, start_key, &stored}).second;
  assert(added);
  ++counts_[static_cast<std::size_t>(task.phase)];
  if (task.phase == Task::Phase::waiting && task.startable)
    start_order_.emplace(start_key, arrival);
  return stored;
}

void TaskTable::remove(TaskId id) {
  const auto found = index_.find(id);
  assert(found != index_.end());
  const auto [arrival, start_key, task] = found->second;
  --counts_[static_cast<std::size_t>(task->phase)];
  start_order_.erase({start_key, arrival});
  tasks_.erase(arrival);
  index_.erase(found);
}

Task* TaskTable::find(TaskId id) {
  const auto found = index_.find(id);
  return found == index_.end() ? nullptr : found->second.task;
}

const Task* TaskTable::find(TaskId id) const {
  const auto found = index_.find(id);
  return found == index_.end() ? nullptr : found->second.task;
}

void TaskTable::set_phase(Task& task, Task::Phase phase) {
  const Entry& entry = index_.at(task.id);
  --counts_[static_cast<std::size_t>(task.phase)];
  ++counts_[static_cast<std::size_t>(phase)];
  if (task.phase == Task::Phase::waiting) start_order_.erase({entry.start_key, entry.arrival});
  if (phase == Task::Phase::waiting && task.startable)
    start_order_.emplace(entry.start_key, entry.arrival);
  task.phase = phase;
}

void TaskTable::set_startable(Task& task, bool startable) {
  if (task.startable == startable) return;
  const Entry& entry = index_.at(task.id);
  task.startable = startable;
  if (task.phase != Task::Phase::waiting) return;
  if (startable)
    start_order_.emplace(entry.start_key, entry.arrival);
  else
    start_order_.erase({entry.start_key, entry.arrival});
}

Task* TaskTable::next_to_start() {
  if (start_order_.empty()) return nullptr;
  return &tasks_.at(start_order_.begin()->second);
}

}  // namespace core
