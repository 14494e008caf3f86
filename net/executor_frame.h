// What peerd and the executor, the parent of all tasks' processes, say to each other over
// STATE/executor.sock. Frames as on streams: [u32 length, big-endian][msgpack array].
//
// The executor speaks first: Hello, a Stay for each that it has, Ready. From then on peerd
// commands, and the executor tells of ends. It has one peerd at a time; the next one replaces the
// last.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/types.h"
#include "net/process_spec.h"
#include "net/stream_frame.h"
#include "net/user.h"

namespace net::executor {

constexpr std::uint16_t kVersion = 4;

// --- From the executor

struct Hello {
  std::uint16_t version = kVersion;
  std::string limits{};         // by what tasks are limited: "cgroup v2 at ...", "rlimits: why"
  bool root = false;            // users count: else everything is done as the executor's own
  std::string not_contained{};  // why tasks are in no PID namespaces of their own; empty: they are
  bool operator==(const Hello&) const = default;
};

// Of one that it had before this connection.
struct Stay {
  enum class State : std::uint8_t { running, stopped, ended };  // stopped: for a move
  core::TaskId task;
  core::Epoch epoch = 0;
  State state = State::running;
  bool movable = false;
  core::ExitStatus status;  // of one that has ended
  std::string message;
  core::Time until = core::kNever;  // the Lease that holds
  bool operator==(const Stay&) const = default;
};

struct Ready {
  bool operator==(const Ready&) const = default;
};

// Kept by the executor, and told to the next peerd, until Discard.
struct Ended {
  core::TaskId task;
  core::Epoch epoch = 0;
  core::ExitStatus status;
  std::string message;
  bool operator==(const Ended&) const = default;
};

// Whether tasks can be moved while they run.
struct Checked {
  bool usable = false;
  std::string words;  // the CRIU that was found, or why not
  bool operator==(const Checked&) const = default;
};

struct Inspected {
  core::TaskId task;
  core::Epoch epoch = 0;
  std::string obstacle;  // empty: it may move
  std::uint64_t resident_bytes = 0;
  std::string files;  // that the destination must have, as needed_files.h writes them; if asked for
  bool operator==(const Inspected&) const = default;
};

// Of a Dump or Restore. Done: the stay is stopped.
struct Moved {
  core::TaskId task;
  core::Epoch epoch = 0;
  bool done = false;
  bool lasting = false;  // not done, and so it will be the next time
  std::string message;
  std::uint64_t criu_us = 0;
  std::uint64_t total_us = 0;
  std::uint64_t bytes = 0;
  std::uint64_t packed_bytes = 0;
  bool operator==(const Moved&) const = default;
};

// Of a Copy.
struct Copied {
  // Of the original, of the copy, together.
  enum class Failure : std::uint8_t { none, unreadable, unwritable, too_large };
  std::uint32_t number = 0;
  Failure failure = Failure::none;
  std::string message;
  std::uint64_t bytes = 0;
  bool operator==(const Copied&) const = default;
};

// --- From peerd

// Look for a CRIU that works, and make ready. Answered by Checked.
struct Check {
  bool operator==(const Check&) const = default;
};

// Answered by Ended, sooner or later.
struct Start {
  core::TaskId task;
  core::Epoch epoch = 0;
  ProcessSpec process;
  // In surroundings of its own: `directory` is the stay's, laid out as task_start.h says; the paths
  // of its streams do not count.
  bool movable = false;
  bool operator==(const Start&) const = default;
};

// SIGTERM, and SIGKILL after the grace.
struct Stop {
  core::TaskId task;
  core::Epoch epoch = 0;
  core::Duration grace = 0;
  bool operator==(const Stop&) const = default;
};

struct Kill {
  core::TaskId task;
  core::Epoch epoch = 0;
  bool operator==(const Kill&) const = default;
};

// Whatever there is of the stay goes, and nothing more is told of it.
struct Discard {
  core::TaskId task;
  core::Epoch epoch = 0;
  bool operator==(const Discard&) const = default;
};

// The stay may run until then, by CLOCK_BOOTTIME in microseconds; before Start for as long as
// nothing else is said. When that time has passed the executor freezes it by itself, whatever
// becomes of peerd; it goes on when a later time is named. kNever: as long as it wants.
struct Lease {
  core::TaskId task;
  core::Epoch epoch = 0;
  core::Time until = 0;
  bool operator==(const Lease&) const = default;
};

// The following are of movable stays.

struct Inspect {
  core::TaskId task;
  core::Epoch epoch = 0;
  bool files = false;
  bool operator==(const Inspect&) const = default;
};

// Freeze it, and write its image into the FIFO. Answered by Moved, unless Resume or Discard comes.
struct Dump {
  core::TaskId task;
  core::Epoch epoch = 0;
  std::string fifo;
  bool operator==(const Dump&) const = default;
};

// Make it from the image that comes out of the FIFO. Answered by Moved, unless Discard comes.
struct Restore {
  core::TaskId task;
  core::Epoch epoch = 0;
  std::string directory;  // the stay's: new and empty
  std::string fifo;
  std::uint64_t max_bytes = 0;
  UserNumber user = kNoUser;
  std::uint64_t cpu_limit_s = 0;  // that the task began with, for what is said of its end
  std::uint64_t memory_limit_bytes = 0;
  bool operator==(const Restore&) const = default;
};

// Whatever keeps it from running is over: a dump, or being stopped after one or after a restore.
struct Resume {
  core::TaskId task;
  core::Epoch epoch = 0;
  bool operator==(const Resume&) const = default;
};

// Everything ends, the executor too.
struct Quit {
  bool operator==(const Quit&) const = default;
};

// Files between a user and the state directory, each side with its owner's rights; onto the disk.
// What a user gets has its name only when it is whole. Answered by Copied, in any order.
struct Copy {
  enum class Direction : std::uint8_t { from_user, to_user };
  struct File {
    std::string from;  // absolute
    std::string to;    // absolute; directories in the state directory are made
    bool operator==(const File&) const = default;
  };
  std::uint32_t number = 0;
  UserNumber user = kNoUser;
  Direction direction = Direction::from_user;
  std::vector<File> files;
  std::uint64_t max_bytes = 0;  // together
  bool operator==(const Copy&) const = default;
};

using Frame =
    std::variant<Hello, Stay, Ready, Ended, Checked, Inspected, Moved, Start, Stop, Kill, Discard,
                 Check, Inspect, Dump, Restore, Resume, Quit, Lease, Copy, Copied>;

}  // namespace net::executor
