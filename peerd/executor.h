// Runs tasks as real processes: own session, own directory, standard streams from and to files,
// limits.
//
// Only what needs the operating system is here; when a task runs is the core's decision. One
// thread: children are reaped from the loop, no one else's among them. When a task's main process
// ends, so does all that it has left running: its PID namespace where this process is root, else
// its session, from which a process escapes that makes one of its own, unless a cgroup is
// delegated. For the executor's process (executor_server.h).
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/types.h"
#include "net/process_spec.h"
#include "peerd/users.h"

namespace peerd {

class CgroupTree;

using net::ProcessSpec;

// How a process ended or why it could not start.
struct ProcessEnd {
  core::ExitStatus status;  // exited 126/127 as the shell has it; `failed` if the system could not
  std::string message;      // "xz: command not found", "memory limit of 64 MiB exceeded", or empty
};

class Executor {
 public:
  using OnEnd = std::function<void(core::TaskId, const ProcessEnd&)>;

  // `kill_grace`: between SIGTERM and SIGKILL of stop(). `contains`: each in a PID namespace
  // without others (task_namespace.h), if that is possible.
  Executor(uv_loop_t* loop, core::Duration kill_grace, bool contains, OnEnd on_end);
  // Kills what still runs and reaps it, without on_end. The loop must run once more afterwards, to
  // close its handles. Not from inside on_end.
  ~Executor();

  // Whom a process runs as, and whose its own directory is before and after.
  struct Users {
    TaskUser task;
    TaskUser owner;
  };

  // on_end comes later, never from inside. Also for a process that cannot be started. Without
  // `users` it runs as this process does.
  void start(core::TaskId task, const ProcessSpec& spec,
             const std::optional<Users>& users = std::nullopt);
  // SIGTERM to all its processes, SIGKILL after the grace. Unknown tasks are ignored.
  void stop(core::TaskId task);
  void kill(core::TaskId task);  // SIGKILL at once
  // SIGSTOP to all its processes, until thaw().
  void freeze(core::TaskId task);
  void thaw(core::TaskId task);
  std::size_t running() const;  // started, and their end not reported
  void set_kill_grace(core::Duration kill_grace);
  // Why tasks are not contained; empty if they are.
  const std::string& not_contained_reason() const;
  CgroupTree* cgroups();  // null where none is delegated
  // "cgroup v2 at /sys/fs/cgroup/..." or "rlimits: why no cgroup".
  std::string limits_in_use() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace peerd
