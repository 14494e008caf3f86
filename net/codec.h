// The wire format: msgpack arrays, each opened by its tag, decoded under limits. No I/O.
//
// Decoding never throws, never reads beyond its input and never allocates more than a small
// multiple of it: whatever a length claims is checked against what is there. On nonsense it returns
// an error in words, fit for one log line. What is taken back keeps every limit that is named
// beside its type and every range that its comments state; unknown tags, missing and extra fields
// are refused, since every change of layout raises the protocol version.
//
// Encoding does not check: what breaks a limit is refused by its receiver. Texts for people alone
// (error messages, lines of a trace, cells of a table) are cut to their limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/message.h"
#include "net/control_frame.h"
#include "net/executor_frame.h"
#include "net/stream_frame.h"

namespace net {

using Bytes = std::vector<std::uint8_t>;
constexpr std::size_t kMaxDatagramBytes = 1400;
constexpr std::size_t kFrameLengthBytes = 4;  // big-endian, in front of every frame on a stream

struct DecodeError {
  std::string reason;
};
template <typename T>
using Decoded = std::variant<T, DecodeError>;

struct Datagram {
  core::Header header;
  core::Message message;
  bool operator==(const Datagram&) const = default;
};

// Layout: [version, from, incarnation, load|nil, tag, fields...]. Requires that the message keeps
// the limits of core/message.h: then the result fits kMaxDatagramBytes.
Bytes encode(const Datagram& datagram);
// The same into the memory of a buffer that is not needed any more.
Bytes encode(const core::Header& header, const core::Message& message, Bytes spare);
Decoded<Datagram> decode_datagram(std::span<const std::uint8_t> bytes);

// Frames with their length in front, ready to be written.
Bytes encode(const StreamFrame& frame);
// The frame of StreamImage{bytes}, which are many: without a copy on the way.
Bytes encode_image(std::span<const std::uint8_t> bytes);
Bytes encode(const ControlFrame& frame);
Bytes encode(const executor::Frame& frame);
// One frame without its length.
Decoded<StreamFrame> decode_stream_frame(std::span<const std::uint8_t> bytes);
// The bytes of a StreamImage where they lie in its frame; nothing if it is another frame, or
// damaged.
std::optional<std::span<const std::uint8_t>> image_in(std::span<const std::uint8_t> frame);
Decoded<ControlFrame> decode_control_frame(std::span<const std::uint8_t> bytes);
Decoded<executor::Frame> decode_executor_frame(std::span<const std::uint8_t> bytes);

// For the spec file in a task's directory. A decoded spec is safe to act on: it has a command, its
// file names are unique and stay below the task's directory, paths are absolute, nothing holds a
// NUL byte. decode_task_spec(encode(spec)) tells in words what is wrong with a spec.
Bytes encode(const TaskSpec& spec);
Decoded<TaskSpec> decode_task_spec(std::span<const std::uint8_t> bytes);

// Cuts a byte stream into frames. Holds at most one frame's bytes and one read's, if next() is
// called until it returns nullopt after each append(). Time is linear in the bytes.
class Framer {
 public:
  explicit Framer(std::size_t max_frame_bytes = kMaxFrameBytes)
      : max_frame_bytes_(max_frame_bytes) {}

  void append(std::span<const std::uint8_t> bytes);
  // The next complete frame, without its length; nullopt if more bytes are needed or failed().
  std::optional<Bytes> next();
  // A length of zero or beyond the limit was claimed: the stream is beyond repair.
  bool failed() const { return failed_; }
  // Nothing is left that next() has not returned: the stream may end here.
  bool empty() const { return frame_length_ == 0 && consumed_ == buffer_.size(); }
  // Of the frame that has begun. Whoever appends no more than these spares a copy.
  std::size_t missing() const { return frame_length_ - frame_.size(); }

 private:
  std::size_t begin_frame(std::span<const std::uint8_t> bytes);
  std::size_t continue_frame(std::span<const std::uint8_t> bytes);

  std::size_t max_frame_bytes_;
  std::size_t frame_length_ = 0;  // of the frame that has begun, else 0
  Bytes frame_;                   // what there is of it
  Bytes buffer_;                  // what follows
  std::size_t consumed_ = 0;      // of the buffer
  bool failed_ = false;
};

}  // namespace net
