// Starts one process as the leader of a session of its own, cheaply: vfork, with everything
// prepared beforehand and system calls alone in the child.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/types.h"
#include "peerd/task_namespace.h"
#include "peerd/users.h"

namespace peerd {

struct SpawnRequest {
  const std::vector<std::string>& arguments;    // at least one
  const std::vector<std::string>& environment;  // complete: "KEY=VALUE"
  const std::string& directory;                 // absolute
  int stdin_fd = -1;                            // three open descriptors, none below 3
  int stdout_fd = -1;
  int stderr_fd = -1;
  int nice = 0;                           // on top of the caller's own, which is left alone
  std::uint64_t cpu_limit_s = 0;          // SIGXCPU at the limit, SIGKILL a second later; 0 = none
  std::uint64_t address_space_bytes = 0;  // RLIMIT_AS; 0 = none
  int cgroup_procs_fd = -1;               // cgroup.procs of the cgroup to join; -1 = stay
  const TaskUser* user = nullptr;         // whom it runs as, for a caller who is root; null: him
  const TaskNamespace* within = nullptr;  // contained there, where nobody else may be; null: not
};

struct Spawned {
  pid_t pid = -1;  // > 0: the command runs and is this child; contained, init's child, not this one
  core::ExitStatus status;  // else why not: exited 127 (not found), exited 126 (not executable),
  std::string message;      // or failed; and one line for the user
};

// Returns once the command's program is loaded or the attempt is over; leaves no zombie behind.
//
// arguments[0] is looked up as the shell does: with a slash it is a path (relative to `directory`),
// else it is tried in each directory of PATH as `environment` has it ("/usr/bin:/bin" without
// one). A text file without "#!" is run by /bin/sh; a binary that this machine cannot run is "Exec
// format error" and 126.
//
// The process has no descriptor but 0, 1 and 2, no signal blocked or ignored, no controlling
// terminal, dumps no core and gains no privileges. It is killed when the calling thread ends: a
// daemon that is killed leaves no second copy of what its peers may start again. (Its own children
// are not, unless it is contained.)
//
// A contained command has a namespace's init for its parent, and /proc shows the namespace. When
// init is killed, so is everybody. After a failure the namespace is not to be used any more.
Spawned spawn(const SpawnRequest& request);

}  // namespace peerd
