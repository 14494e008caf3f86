// The executor's tasks that can be moved while they run: each in surroundings of its own, with an
// init that is the executor's child (checkpoint/task_operation.h).
//
// A stay is running, stopped or under an operation. What the executor's sudden end leaves behind is
// ended by its next start: beside a stay's directory lies a file that names init.
#pragma once

#include <uv.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/types.h"
#include "net/executor_frame.h"
#include "peerd/cgroup.h"
#include "peerd/checkpoint/inspection.h"
#include "peerd/checkpoint/stray_children.h"
#include "peerd/checkpoint/task_operation.h"
#include "peerd/executor.h"
#include "peerd/timer.h"

namespace peerd {

// Kills the tasks whose names lie in the directory of stays.
void end_stranded_tasks(const std::string& stays);

class MovableTasks {
 public:
  using Key = std::pair<core::TaskId, core::Epoch>;
  using OnEnd = std::function<void(const Key&, const ProcessEnd&)>;
  using OnMoved = std::function<void(const Key&, const Outcome&)>;
  using OnChecked = std::function<void(const Outcome&)>;
  using OnInspected = std::function<void(const Inspection&)>;

  // Everything is reported later, but what cannot even begin from inside. `name`: of this executor
  // alone, for a directory. `cgroups`: where each is in a leaf of its own; or null.
  MovableTasks(uv_loop_t* loop, std::string name, const TaskUsers& users, CgroupTree* cgroups,
               OnEnd on_end, OnMoved on_moved);
  ~MovableTasks();  // kills them all, and reaps

  // Once; before that, nothing can be started.
  void check(OnChecked on_checked);
  bool has(const Key& key) const { return tasks_.contains(key); }
  void start(const Key& key, const ProcessSpec& spec, const TaskUser& user);
  // Of a stay that is not there, nothing happens.
  void stop(const Key& key, core::Duration grace);
  void kill(const Key& key);
  void discard(const Key& key);  // and nothing is reported
  // At once; of a stay that is being started when it has been.
  void inspect(const Key& key, const OnInspected& on_inspected);
  void dump(const Key& key, const std::string& fifo);
  void restore(const Key& key, const net::executor::Restore& request, const TaskUser& user);
  void resume(const Key& key);
  // For want of a lease: stays stopped, whatever else would let it go on, until thaw().
  void freeze(const Key& key);
  void thaw(const Key& key);

 private:
  struct Task {
    std::string stay;
    TaskUser user;
    std::uint64_t cpu_limit_s = 0;
    std::uint64_t memory_limit_bytes = 0;
    std::unique_ptr<CgroupLeaf> leaf;  // null where no cgroup is delegated
    pid_t init = -1;
    bool starting = false;
    bool killed = false;
    bool frozen = false;     // for want of a lease
    bool stopped = false;    // for a move
    bool discarded = false;  // while it was being started or restored
    bool resumed = false;    // while it was being dumped
    bool hurt = false;       // perhaps: a dump has failed, and CRIU may have died in its midst
    std::vector<OnInspected> asked;  // while it is being started
    std::unique_ptr<TaskOperation> operation;
    std::unique_ptr<TaskProcess> process;
    std::unique_ptr<Timer> grace;
  };

  // A leaf with that memory limit, or null where there are none; with an error text where it cannot
  // be had.
  std::unique_ptr<CgroupLeaf> acquire_leaf(std::uint64_t memory_limit_bytes, std::string& error);
  void adopt(const Key& key, pid_t init);
  void begun(const Key& key, const Outcome& outcome);
  void started(const Key& key, const Outcome& outcome);
  void moved(const Key& key, const Outcome& outcome);
  void ended(const Key& key, core::ExitStatus status);
  void drop(const Key& key);

  uv_loop_t* loop_;
  std::string name_;
  OnEnd on_end_;
  OnMoved on_moved_;
  TaskTools tools_;
  const TaskUsers& users_;
  CgroupTree* cgroups_;
  std::unique_ptr<StrayChildren> strays_;
  std::unique_ptr<TaskOperation> check_;
  std::map<Key, Task> tasks_;
  // Until they are reaped: till then their leaf is nobody else's.
  struct Dying {
    std::unique_ptr<CgroupLeaf> leaf;
    std::unique_ptr<TaskProcess> process;
  };
  void forget(pid_t init);
  std::map<pid_t, Dying> discarded_;
};

}  // namespace peerd
