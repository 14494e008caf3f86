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
  // In a PID namespace, as the child of its init:
  int init_fd = -1;  // the program; -1: in none
  int end_fd = -1;   // init's descriptor 0
  std::unique_ptr<std::byte[]> init_stack{};
};

// The new process, the command's or its init's; -1 with errno set if there is none. Returns once
// that has its program, or has ended and said in the report why not. Signals must be blocked.
pid_t start_child(SpawnPlan& plan, SpawnReport& report);

// As PID 1 of a PID namespace and in a mount namespace of its own: /proc shows the namespace.
// False with errno set.
bool mount_namespaces_proc();

constexpr std::size_t kInitStackBytes = 64 * 1024;  // half of it is the command's

}  // namespace peerd
