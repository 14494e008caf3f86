// CRIU, the program: finds one that works here and runs it, one process per operation.
//
// All functions block and are for a single-threaded process of their own (see task_main.cpp): they
// fork, and change mount namespaces.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "peerd/process_tree.h"

namespace peerd {

struct Criu {
  std::string program;       // absolute; empty: there is none that works
  std::string version;       // "4.1.1"
  std::string reason;        // why there is none
  std::string kernel_facts;  // file of what it has found out about the kernel; may be empty
};

// Where scripts/install-criu.sh puts it.
inline constexpr const char* kCriuPrefix = "/usr/local/lib/peerd/criu";

// The first that `criu check` is content with: `configured` and nothing else, if given; else
// PATH's, else that under kCriuPrefix. Takes some tenths of a second the first time. `runtime` (see
// runtime_directory in task_operation.h) keeps what CRIU finds out about the kernel where /run does
// not.
Criu find_criu(const std::string& configured, const std::string& runtime);
// One that find_criu has found before.
Criu criu_at(const std::string& program, const std::string& runtime);

struct CriuResult {
  std::string error;     // empty: done
  bool lasting = false;  // will be the same next time: the task has something that cannot move
};

struct CriuRun {
  const Criu& criu;
  std::string images;               // directory of mode 0700
  std::uint64_t timeout_s = 0;      // of the freeze, and of the whole restore
  std::function<void()> meanwhile;  // called every few milliseconds while CRIU runs
};

// Nobody may kill CRIU while it dumps, if he can wait: it makes the task execute code of its own,
// and about one time in ten the task ends with SIGTRAP when CRIU is gone at that moment. Hence it
// also outlives the calling process.
//
// Dumps the task with that init into the images' directory. Done: the task is stopped, and stays
// so. Error: it runs on, unless CRIU had not even the time to resume it; call resume_task in any
// case.
CriuResult criu_dump(const CriuRun& run, pid_t init, const TaskUser& user);

// Restores the image as a stopped task: none of its instructions has run, and none runs if CRIU is
// killed: they end with it. init's process number in `init`; its parent is the nearest subreaper,
// as that of whatever an error leaves half done: to be killed by the caller. To be called within a
// mount namespace where the stay is in place.
CriuResult criu_restore(const CriuRun& run, pid_t& init);

// What a CRIU's log says of its failure, in one line.
CriuResult criu_failure(const std::string& log);

}  // namespace peerd
