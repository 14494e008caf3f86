// What became of every task, as a bystander who sees all peers at once would tell it, and the
// promises that were broken on the way.
//
// Nothing here is known to any node. A task's serial is its place in the history, so that looking
// one up costs nothing. A world of many tasks may forget those whose end has been recorded, the
// oldest first.
#pragma once

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "core/types.h"
#include "sim/network.h"

namespace sim {

// What a user submits: how long its process runs and how it ends then.
struct Job {
  core::Duration service = core::kSecond;
  core::Needs needs{};
  bool pinned = false;
  bool restarts = false;  // it is begun anew if its owner is gone
  core::ExitStatus status{};
  std::uint64_t image_bytes = 0;  // of its process, when that is moved
};

// One process.
struct Run {
  enum class End : std::uint8_t { none, exited, stopped, crashed, moved };
  NodeIndex node = kNobody;
  core::Epoch epoch = 0;
  core::Time started = 0;
  core::Time ended = 0;
  End end = End::none;
  bool frozen = false;  // and not one instruction runs
};

struct TaskHistory {
  core::TaskId id;
  NodeIndex home = kNobody;
  Job job;
  core::Time submitted = 0;
  core::Veto refused = core::Veto::none;
  bool accepted = false;
  core::Epoch epoch = 0;  // the largest that an owner has persisted
  NodeIndex owner = kNobody;
  std::uint32_t moves = 0;
  std::vector<Run> runs;
  std::uint32_t results = 0;  // how often they reached the home node
  std::uint32_t ends = 0;     // how often the home node recorded the end
  core::ExitStatus status;    // as recorded
  core::Time ended = 0;

  bool running() const {
    return std::any_of(runs.begin(), runs.end(),
                       [](const Run& run) { return run.end == Run::End::none && !run.frozen; });
  }
};

class History {
 public:
  explicit History(bool forget_ended = false) : forget_ended_(forget_ended) {}

  // Those that are remembered, by serial.
  const std::deque<TaskHistory>& tasks() const { return tasks_; }
  const TaskHistory& of(core::TaskId task) const;
  // One line for each broken promise: two running copies, a start without the task's files, an
  // epoch that does not grow, an end recorded twice.
  const std::vector<std::string>& violations() const { return violations_; }

  core::TaskId submit(core::PeerId home, NodeIndex node, const Job& job, core::Time now);
  void accepted(core::TaskId task);
  void refused(core::TaskId task, core::Veto veto);
  void owned(core::TaskId task, core::Epoch epoch, NodeIndex owner);
  // The run's number.
  std::size_t started(core::TaskId task, core::Epoch epoch, NodeIndex node, core::Time now);
  void froze(core::TaskId task, std::size_t run);
  void thawed(core::TaskId task, std::size_t run);
  // False if that run has ended before.
  bool ended(core::TaskId task, std::size_t run, Run::End end, core::Time now);
  void results_arrived(core::TaskId task);
  void recorded(core::TaskId task, core::ExitStatus status, core::Time now);
  void violation(core::TaskId task, const std::string& what);

 private:
  TaskHistory& at(core::TaskId task);

  bool forget_ended_;
  std::deque<TaskHistory> tasks_;
  std::uint64_t forgotten_ = 0;  // serials up to here
  std::vector<std::string> violations_;
};

}  // namespace sim
