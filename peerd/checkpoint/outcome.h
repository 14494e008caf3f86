// What became of an operation on a task, and the line in which peerd-task says so.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/types.h"

namespace peerd {

struct Outcome {
  enum class Kind : std::uint8_t {
    done,
    failed,      // may be otherwise next time
    not_movable  // will be the same until something about the task changes
  };
  Kind kind = Kind::failed;
  pid_t init = -1;          // start, restore: the task's PID 1, as seen from the board
  core::ExitStatus status;  // start, if not done: how the task has ended, as in Spawned
  std::string message;      // one line: why not; check: CRIU's program and version
  std::uint64_t criu_us =
      0;  // dump: how long until the image was complete; restore: from image to process
  std::uint64_t total_us = 0;      // of the whole operation, streaming included
  std::uint64_t bytes = 0;         // of the checkpoint, unpacked
  std::uint64_t packed_bytes = 0;  // dump: as it was sent
};

std::string to_line(const Outcome& outcome);  // without "\n"; at most 4 KiB
std::optional<Outcome> outcome_from(std::string_view line);

}  // namespace peerd
