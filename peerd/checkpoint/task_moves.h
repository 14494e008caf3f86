// Takes a running task away from here, or takes one in: checkpoint, compression and sending at
// once, and their reverse. Blocking, for a single-threaded process of its own.
#pragma once

#include <cstdint>
#include <string>

#include "peerd/checkpoint/outcome.h"
#include "peerd/process_tree.h"

namespace peerd {

struct Move {
  std::string runtime;  // on tmpfs; holds the image meanwhile, which is wiped in any case
  std::string criu;     // that check_moves has found
  std::string stay;     // restore: a new, empty directory
  TaskUser user;        // whose the task is; the same numbers on both boards
  int stream = -1;      // borrowed
  std::uint64_t timeout_s = 0;
};

// Finds a CRIU that works, `criu` or any, and wipes what an earlier run has left in `runtime`.
Outcome check_moves(const std::string& runtime, const std::string& criu);

// Done: everything has been written into the stream, and the task is stopped. Else it runs on.
Outcome send_task(const Move& move, pid_t init);

// Done: the task is there, stopped, and its image, too, for wipe_images: that takes a fifth of the
// restore's time, in which the task could be running. Else nothing of it runs; what is in the
// stay's directory is the caller's.
Outcome receive_task(const Move& move, std::uint64_t max_bytes, const std::string& cgroup);

// What a receive_task in that process has left.
Outcome wipe_images(const std::string& runtime, pid_t process);

}  // namespace peerd
