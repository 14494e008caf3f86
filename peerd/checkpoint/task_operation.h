// The executor's face of all this: starts, takes away and takes in tasks, each in a process of its
// own (peerd-task), without blocking the loop.
//
// The executor is a subreaper (become_parent_of_tasks): init of a task that was started or restored
// is its child as soon as the operation is done, and is reaped by it (TaskProcess does that).
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "peerd/checkpoint/outcome.h"
#include "peerd/checkpoint/task_start.h"

namespace peerd {

// Once, before the first operation.
void become_parent_of_tasks();

// A directory on tmpfs for images: /run/peerd or /dev/shm/peerd. Made, of mode 0755; what is in it
// is of mode 0700. Empty if neither is root's own.
std::string runtime_directory();

struct TaskTools {
  std::string program;  // of peerd-task, absolute
  std::string
      runtime;  // a directory on tmpfs, root's own, of this executor alone: see runtime_directory()
  std::string
      criu;  // Outcome::message of check() up to its blank; empty: tasks do not move while they run
};

struct DumpRequest {
  pid_t init = -1;
  std::string stay;
  TaskUser user;
  std::uint64_t timeout_s = 30;  // until it is frozen and its image written
};

struct RestoreRequest {
  std::string stay;               // new and empty, root's own, as in TaskStart
  TaskUser user;                  // whoever the image says the task is must be this one
  std::uint64_t max_bytes = 0;    // of memory and files together
  std::uint64_t timeout_s = 120;  // of the restore itself, once everything has come
  std::string cgroup;             // to restore it in
};

// One operation under way. Destroying it ends it (see cancel) and on_done does not come.
class TaskOperation {
 public:
  using OnDone = std::function<void(const Outcome&)>;  // later, never from inside; may destroy this
  // Of one that was killed, peerd-task: undoes what it has done. False: not yet, ask again.
  using Undo = std::function<bool(pid_t operation)>;

  // Finds CRIU and warms it up; wipes what an earlier run has left in the runtime directory.
  // `criu`: as configured.
  static std::unique_ptr<TaskOperation> check(uv_loop_t* loop, const TaskTools& tools,
                                              const std::string& criu, OnDone on_done);
  static std::unique_ptr<TaskOperation> start(uv_loop_t* loop, const TaskTools& tools,
                                              const TaskStart& task, OnDone on_done);
  // The checkpoint is written into `out` (a pipe, a socket; borrowed for the call alone) while CRIU
  // makes it. Done: all is written and the task is stopped, until resume_task or kill_task. Else it
  // runs on.
  static std::unique_ptr<TaskOperation> dump(uv_loop_t* loop, const TaskTools& tools,
                                             const DumpRequest& request, int out, OnDone on_done);
  // The checkpoint is read from `in` as it comes. Done: Outcome::init is the task, stopped, until
  // resume_task.
  static std::unique_ptr<TaskOperation> restore(uv_loop_t* loop, const TaskTools& tools,
                                                const RestoreRequest& request, int in,
                                                OnDone on_done);

  // Ends it, unless it is through: on_done tells. If not, a dump's task runs on, and of a restore's
  // nothing is left, whoever was killed. A start is not undone: let it end.
  void give_up();
  // As give_up() does, and so does the end of this process, but on_done does not come.
  ~TaskOperation();
  TaskOperation(const TaskOperation&) = delete;
  TaskOperation& operator=(const TaskOperation&) = delete;

 private:
  struct Impl;
  explicit TaskOperation(Impl* impl) : impl_(impl) {}
  static std::unique_ptr<TaskOperation> run(uv_loop_t* loop, const TaskTools& tools,
                                            const std::vector<std::string>& arguments,
                                            const std::vector<std::string>* environment, int stream,
                                            OnDone on_done, Undo undo);
  Impl* impl_;  // closes itself
};

// Watches one task's init and reports its end once, later, never from inside. `init` may also be no
// child of this process (an executor that was started anew): then the end comes from STAY/status.
class TaskProcess {
 public:
  using OnEnd = std::function<void(core::ExitStatus)>;

  // Null if there is no such process.
  static std::unique_ptr<TaskProcess> watch(uv_loop_t* loop, pid_t init, const std::string& stay,
                                            OnEnd on_end);
  ~TaskProcess();  // does not end the task
  TaskProcess(const TaskProcess&) = delete;
  TaskProcess& operator=(const TaskProcess&) = delete;

 private:
  struct Impl;
  explicit TaskProcess(Impl* impl) : impl_(impl) {}
  Impl* impl_;
};

}  // namespace peerd
