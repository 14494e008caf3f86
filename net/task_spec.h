// What a task is, beyond what the core needs to know: the command and its surroundings. Travels in
// bundles and in submissions; lies in the task's directory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "net/user.h"

namespace net {

constexpr std::uint16_t kTaskSpecVersion = 3;  // as it lies in journals, older than the program
constexpr std::size_t kMaxArguments = 1024;
constexpr std::size_t kMaxEnvironment = 256;
constexpr std::size_t kMaxFiles = 256;            // inputs and outputs, each
constexpr std::size_t kMaxTextBytes = 128 << 10;  // one argument, variable or path
constexpr std::size_t kMaxSpecBytes = 1 << 20;    // all of it, encoded

// A file that goes along (input) or comes back (output).
struct FileSpec {
  std::string name;  // in the task's directory: relative, without "..", unique within the list
  std::string path;  // at the home node: absolute
  bool operator==(const FileSpec&) const = default;
};

struct TaskSpec {
  std::vector<std::string> arguments;    // argv; arguments[0] is looked up in the peer's PATH
  std::vector<std::string> environment;  // "KEY=VALUE", on top of the peer's minimal environment
  std::string directory;  // where it runs: empty = its own directory; relative = below it; absolute
  std::string stdin_path;  // at the home node: absolute; empty = /dev/null
  std::vector<FileSpec> inputs;
  std::vector<FileSpec> outputs;
  std::int32_t priority = 0;             // -9 ... 10
  std::uint64_t cpu_limit_s = 0;         // 0 = none
  std::uint64_t memory_limit_bytes = 0;  // 0 = none
  bool pinned = false;                   // runs at home
  bool restarts = false;                 // is begun anew if its owner is gone
  UserNumber user = kNoUser;             // who submitted it, as its home node's kernel has it
  bool operator==(const TaskSpec&) const = default;
};

}  // namespace net
