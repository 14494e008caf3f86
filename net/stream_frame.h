// What travels on streams between peers: one stream carries one bundle (source to destination) or
// one task's results (owner to home node). Frames are [u32 length, big-endian][msgpack array].
//
//   bundle:  Hello Spec File Chunk* ... File Chunk* ... Trace? End      ->   Done
//   bundle of a running task: Hello Spec Trace? Needs  ->  Ready     and then, if it may come,
//            Image* Frozen End                         ->  Done
//   results: Hello (Chunk | Trace)* File Chunk* ... Ending End         ->   Done
//
// In a results stream stdout and stderr are files 0 and 1 and are known without File; their chunks
// come while the task runs, at the offset that they have in the whole output, so that a repeated
// stream (a new owner, a broken connection) neither skips nor doubles a byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/types.h"
#include "net/task_spec.h"

namespace net {

constexpr std::size_t kMaxChunkBytes = 64 << 10;
constexpr std::size_t kMaxImageBytes = 256 << 10;  // of one StreamImage
constexpr std::size_t kMaxFrameBytes = kMaxSpecBytes + (64 << 10);
constexpr std::size_t kMaxTraceLines = 256;  // in one frame
constexpr std::size_t kMaxTraceLineBytes = 512;
constexpr std::size_t kMaxErrorBytes = 1024;

struct StreamHello {
  enum class Kind : std::uint8_t { bundle, results };
  std::uint16_t version = 0;  // core::kProtocolVersion
  Kind kind = Kind::bundle;
  core::PeerId from = core::PeerId::none;
  core::TaskId task;
  core::Epoch epoch = 0;
  bool operator==(const StreamHello&) const = default;
};

struct StreamSpec {
  TaskSpec spec;
  bool operator==(const StreamSpec&) const = default;
};

// The chunks that follow with this index belong to this file. In a bundle, index 0 is stdin (if the
// spec has one), inputs follow from 1; in results 0 is stdout, 1 stderr, outputs follow from 2.
struct StreamFile {
  std::uint32_t index = 0;
  std::uint32_t mode = 0;  // permission bits
  std::uint64_t size = 0;
  bool operator==(const StreamFile&) const = default;
};

struct StreamChunk {
  std::uint32_t index = 0;
  std::uint64_t offset = 0;
  std::vector<std::uint8_t> bytes;  // 1 ... kMaxChunkBytes
  bool operator==(const StreamChunk&) const = default;
};

// Lines for `explain` that the home node has not got yet.
struct StreamTrace {
  std::vector<std::string> lines;
  bool operator==(const StreamTrace&) const = default;
};

// How the task ended, in words for its user where there is something to say.
struct StreamEnding {
  core::ExitStatus status;
  std::string message;
  bool operator==(const StreamEnding&) const = default;
};

struct StreamEnd {
  bool operator==(const StreamEnd&) const = default;
};

// The receiver's only frame: everything is on disk, or why not. In a results stream it also comes
// as soon as the home node refuses something, with the reason: no more of a task's output is
// wanted.
struct StreamDone {
  bool ok = false;
  std::string error;
  bool operator==(const StreamDone&) const = default;
};

// What a running task depends on beside what comes along, as needed_files.h and board.h write it.
struct StreamNeeds {
  std::string board;
  std::string files;
  bool operator==(const StreamNeeds&) const = default;
};

// It can go on here; or why not, before it has been frozen.
struct StreamReady {
  bool ok = false;
  std::string error;
  bool operator==(const StreamReady&) const = default;
};

// The next bytes of a running task's image.
struct StreamImage {
  std::vector<std::uint8_t> bytes;  // 1 ... kMaxImageBytes
  bool operator==(const StreamImage&) const = default;
};

// The image was complete and the task is frozen.
struct StreamFrozen {
  std::uint64_t dump_us = 0;
  std::uint64_t bytes = 0;         // of the image
  std::uint64_t packed_bytes = 0;  // of the same as it was sent
  bool operator==(const StreamFrozen&) const = default;
};

using StreamFrame =
    std::variant<StreamHello, StreamSpec, StreamFile, StreamChunk, StreamTrace, StreamEnding,
                 StreamEnd, StreamDone, StreamNeeds, StreamReady, StreamImage, StreamFrozen>;

}  // namespace net
