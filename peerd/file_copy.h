// Copies of files between the state directory and users, each side with its owner's rights.
//
// Blocking, for a thread of its own. What is told to be there is on the disk.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "net/executor_frame.h"
#include "peerd/users.h"

namespace peerd {

using CopiedFile = net::executor::Copy::File;

struct CopyError {
  using Kind = net::executor::Copied::Failure;
  std::string text;  // "input data.bin: No such file or directory"
  Kind kind = Kind::unreadable;
};

// Their total size, or why not.
using CopyResult = std::variant<std::uint64_t, CopyError>;

// A task's inputs and standard input into the state directory, whose directories are made; blocks
// are shared where the file system can.
CopyResult copy_in(const std::vector<CopiedFile>& files, const TaskUser& user,
                   const TaskUser& owner, std::uint64_t max_bytes);
// A task's outputs to where its user wants them: each is copied beside its place and renamed, so
// that nobody ever sees half a file.
CopyResult copy_out(const std::vector<CopiedFile>& files, const TaskUser& user,
                    const TaskUser& owner, std::uint64_t max_bytes);

// How a task is told that it is beyond a limit, wherever that is noticed. `what`: "inputs" ...
std::string beyond_task_bytes(const std::string& what, std::uint64_t limit);

// The name that a file or directory has until it is complete.
std::string unfinished_name(const std::string& path);

// True, or errno says why not: the directory and those above it are there.
bool make_directories(const std::string& path);
std::string parent_of(const std::string& path);

}  // namespace peerd
