#include <algorithm>
#include <cstddef>
#include <utility>

#include "net/codec.h"

namespace net {
namespace {

// A buffer that grew for a large frame is given back once it is empty.
constexpr std::size_t kKeptBytes = 128 << 10;
constexpr std::size_t kGrowth = 4;  // memory follows what has come, not what is claimed

std::size_t length_at(const std::uint8_t* bytes) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < kFrameLengthBytes; ++i) length = length << 8 | bytes[i];
  return length;
}

}  // namespace

void Framer::append(std::span<const std::uint8_t> bytes) {
  if (failed_) return;
  if (frame_length_ == 0 && empty()) bytes = bytes.subspan(begin_frame(bytes));
  if (missing() > 0) bytes = bytes.subspan(continue_frame(bytes));
  if (failed_ || bytes.empty()) return;
  // Each byte moved here stands for one consumed, however the stream is cut: linear in all.
  if (consumed_ > 0 && consumed_ >= buffer_.size() - consumed_) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(consumed_));
    consumed_ = 0;
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

std::optional<Bytes> Framer::next() {
  if (frame_length_ == 0) {
    const std::span<const std::uint8_t> rest = std::span(buffer_).subspan(consumed_);
    const std::size_t begun = begin_frame(rest);
    consumed_ += begun + continue_frame(rest.subspan(begun));
  }
  if (consumed_ == buffer_.size()) {
    if (buffer_.capacity() > kKeptBytes) buffer_ = Bytes();
    buffer_.clear();
    consumed_ = 0;
  }
  if (frame_length_ == 0 || missing() > 0) return std::nullopt;
  frame_length_ = 0;
  return std::exchange(frame_, {});
}

// How many bytes of these were its length: none if they are too few for one, or for an illegal one.
std::size_t Framer::begin_frame(std::span<const std::uint8_t> bytes) {
  if (failed_ || bytes.size() < kFrameLengthBytes) return 0;
  const std::size_t length = length_at(bytes.data());
  failed_ = length == 0 || length > max_frame_bytes_;
  if (failed_) return 0;
  frame_length_ = length;
  return kFrameLengthBytes;
}

// How many of these bytes are the frame's.
std::size_t Framer::continue_frame(std::span<const std::uint8_t> bytes) {
  const std::size_t taken = std::min(missing(), bytes.size());
  const std::size_t size = frame_.size() + taken;
  if (size > frame_.capacity()) frame_.reserve(std::min(frame_length_, kGrowth * size));
  frame_.insert(frame_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
  return taken;
}

}  // namespace net
