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

#include "core/types.h"
#include "net/process_spec.h"

namespace net::executor {

constexpr std::uint16_t kVersion = 1;

// --- From the executor

struct Hello {
  std::uint16_t version = kVersion;
  std::string limits;  // by what tasks are limited: "cgroup v2 at ...", "rlimits: why"
  bool operator==(const Hello&) const = default;
};

// Of one that it had before this connection.
struct Stay {
  enum class State : std::uint8_t { running, ended };
  core::TaskId task;
  core::Epoch epoch = 0;
  State state = State::running;
  core::ExitStatus status;  // of one that has ended
  std::string message;
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

// --- From peerd

// Answered by Ended, sooner or later.
struct Start {
  core::TaskId task;
  core::Epoch epoch = 0;
  ProcessSpec process;
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

// Everything ends, the executor too.
struct Quit {
  bool operator==(const Quit&) const = default;
};

using Frame = std::variant<Hello, Stay, Ready, Ended, Start, Stop, Kill, Discard, Quit>;

}  // namespace net::executor
