// Starts a task in surroundings of its own (namespaces.h). For a single-threaded process, which
// should end soon after: init is its child, and then its subreaper's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/types.h"
#include "peerd/process_tree.h"

namespace peerd {

// The stay's directory, to be made by the caller:
//     STAY/files/            the working directory, the task's own
//     STAY/stdin             if there is one, else it is /dev/null
//     STAY/stdout, stderr    appended to; made if missing, the task's own
//     STAY/init, status      made here, see init.cpp and task_paths.h
// STAY itself must not be writable for the task.
struct TaskStart {
  std::string stay;                      // absolute
  std::vector<std::string> arguments;    // arguments[0] is looked up as in spawn.h
  std::vector<std::string> environment;  // complete
  TaskUser user;
  int nice = 0;  // these three as in SpawnRequest
  std::uint64_t cpu_limit_s = 0;
  std::uint64_t address_space_bytes = 0;
  std::string cgroup;  // directory of the cgroup to join; empty: stay
};

struct StartedTask {
  pid_t init = -1;          // > 0: the main process runs, as process 2 of init's PID namespace
  core::ExitStatus status;  // else how it ended, as in Spawned
  std::string message;
};

StartedTask start_task(const TaskStart& task);

// What the task prints can be read by the group of STAY, the daemon's. Done by start_task, and to
// be done when the stay has come from elsewhere. False with errno set.
bool share_output(const std::string& stay);

// Joins a cgroup (its directory); an error text or nothing.
std::string join_cgroup(const std::string& cgroup);

}  // namespace peerd
