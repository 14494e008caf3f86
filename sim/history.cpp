#include "sim/history.h"

#include <cassert>

namespace sim {
namespace {

bool is_over(const TaskHistory& task) {
  return task.ends > 0 || task.refused != core::Veto::none;
}

}  // namespace

const TaskHistory& History::of(core::TaskId task) const {
  assert(task.serial > forgotten_ && task.serial - forgotten_ <= tasks_.size());
  return tasks_[task.serial - forgotten_ - 1];
}

TaskHistory& History::at(core::TaskId task) {
  assert(task.serial > forgotten_ && task.serial - forgotten_ <= tasks_.size());
  return tasks_[task.serial - forgotten_ - 1];
}

core::TaskId History::submit(core::PeerId home, NodeIndex node, const Job& job, core::Time now) {
  TaskHistory task;
  task.id = {home, forgotten_ + tasks_.size() + 1};
  task.home = node;
  task.job = job;
  task.submitted = now;
  tasks_.push_back(task);
  return task.id;
}

void History::accepted(core::TaskId task) {
  at(task).accepted = true;
}

void History::refused(core::TaskId task, core::Veto veto) {
  at(task).refused = veto;
}

void History::owned(core::TaskId id, core::Epoch epoch, NodeIndex owner) {
  TaskHistory& task = at(id);
  // One that has been begun anew may still be handed on by those who have not heard of it.
  if (core::restarts_of(epoch) < core::restarts_of(task.epoch)) return;
  if (epoch <= task.epoch) violation(id, "owned at epoch " + std::to_string(epoch) + " again");
  if (task.epoch > 0) ++task.moves;
  task.epoch = epoch;
  task.owner = owner;
}

std::size_t History::started(core::TaskId id, core::Epoch epoch, NodeIndex node, core::Time now) {
  TaskHistory& task = at(id);
  if (task.running()) violation(id, "started while another copy runs");
  if (!task.runs.empty() && epoch <= task.runs.back().epoch)
    violation(id, "started twice at epoch " + std::to_string(epoch));
  if (epoch != task.epoch || node != task.owner) violation(id, "started by who does not own it");
  task.runs.push_back({.node = node, .epoch = epoch, .started = now});
  return task.runs.size() - 1;
}

void History::froze(core::TaskId id, std::size_t number) {
  at(id).runs.at(number).frozen = true;
}

void History::thawed(core::TaskId id, std::size_t number) {
  TaskHistory& task = at(id);
  Run& run = task.runs.at(number);
  if (!run.frozen || run.end != Run::End::none) return;
  if (task.running()) violation(id, "goes on while another copy runs");
  if (run.epoch != task.epoch || run.node != task.owner)
    violation(id, "goes on with who does not own it");
  run.frozen = false;
}

bool History::ended(core::TaskId id, std::size_t number, Run::End end, core::Time now) {
  Run& run = at(id).runs.at(number);
  if (run.end != Run::End::none) return false;
  run.end = end;
  run.ended = now;
  return true;
}

void History::results_arrived(core::TaskId task) {
  ++at(task).results;
}

void History::recorded(core::TaskId id, core::ExitStatus status, core::Time now) {
  TaskHistory& task = at(id);
  if (++task.ends > 1) violation(id, "its end was recorded twice");
  task.status = status;
  task.ended = now;
  while (forget_ended_ && !tasks_.empty() && is_over(tasks_.front())) {
    tasks_.pop_front();
    ++forgotten_;
  }
}

void History::violation(core::TaskId task, const std::string& what) {
  violations_.push_back("task " + std::to_string(task.serial) + ": " + what);
}

}  // namespace sim
