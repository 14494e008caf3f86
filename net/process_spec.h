// A task's process, as the executor starts it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "net/user.h"

namespace net {

struct ProcessSpec {
  std::vector<std::string> arguments;    // arguments[0] is looked up in PATH of `environment`
  std::vector<std::string> environment;  // complete: "KEY=VALUE"
  std::string directory;                 // absolute: where it begins
  std::string stdin_path;                // empty: /dev/null
  std::string stdout_path;               // appended to, created 0600
  std::string stderr_path;
  int nice = 0;                          // 0 ... 19, on top of the daemon's own
  std::uint64_t cpu_limit_s = 0;         // RLIMIT_CPU; 0 = none
  std::uint64_t memory_limit_bytes = 0;  // cgroup v2 memory.max where delegated, else RLIMIT_AS
  UserNumber user = kNoUser;             // whom it runs as, where the executor is root
  std::string own;  // absolute: what belongs to that user while it runs; empty: nothing

  bool operator==(const ProcessSpec&) const = default;
};

}  // namespace net
