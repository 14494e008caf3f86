// The half of spawn() that runs in the new process, which has its parent's memory until exec:
// everything it needs is prepared, and there are system calls alone.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "peerd/task_namespace.h"
#include "peerd/users.h"

namespace peerd {

enum class SpawnStep : std::uint8_t {
  none,
  contain,
  session,
  cgroup,
  cpu_limit,
  memory_limit,
  core_limit,
  nice,
  user,
  directory,
  streams,
  exec
};

// Written by the new process.
struct SpawnReport {
  SpawnStep step = SpawnStep::none;
  int error = 0;
  const char* program = nullptr;  // of SpawnStep::exec: the path that the error is about
};

struct SpawnPlan {
  std::vector<std::string> programs;  // where the command may be, in order
  std::vector<char*> arguments;       // null-terminated
  std::vector<char*> environment;
  std::vector<char*> shell_arguments;  // /bin/sh PROGRAM ARGUMENTS...; the child fills in PROGRAM
  pid_t parent = -1;
  const char* directory = nullptr;
  const TaskUser* user = nullptr;
  int streams[3] = {-1, -1, -1};
  int cgroup_procs_fd = -1;
  int nice = 0;
  std::string nice_text;
  bool cpu_limited = false;
  bool memory_limited = false;
  rlimit cpu_limit{};
  rlimit memory_limit{};
  const TaskNamespace* within = nullptr;
  std::unique_ptr<std::byte[]> stacks{};  // where `within` is
};

// The new process, -1 with errno set if there is none. Returns once that has its program, or has
// ended and said in the report why not. Within a namespace it is init's
// child; what is returned then is its starter, which has ended and wants to be reaped.
pid_t start_child(SpawnPlan& plan, SpawnReport& report);

// One that does nothing but enter the namespace. To be reaped; otherwise as start_child.
pid_t start_trial(const TaskNamespace& space, SpawnReport& report);

// From here on this process has a keyring of its own: the keys that whoever started the executor
// has left to it are not its tasks', nor one task's another's.
void leave_session_keyring();

// PID 1 of a new PID namespace, in a mount namespace of its own, as the program init: `init_fd`
// with `socket` for its descriptor 0. Otherwise as start_child.
pid_t start_init(int init_fd, int socket, SpawnReport& report);

constexpr std::size_t kChildStackBytes = 32 * 1024;

}  // namespace peerd
