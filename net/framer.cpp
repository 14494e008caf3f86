#include <cstddef>

#include "net/codec.h"

namespace net {
namespace {

// A buffer that grew for a large frame is given back once it is empty.
constexpr std::size_t kKeptBytes = 128 << 10;

std::size_t length_at(const std::uint8_t* bytes) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < kFrameLengthBytes; ++i) length = length << 8 | bytes[i];
  return length;
}

}  // namespace

void Framer::append(std::span<const std::uint8_t> bytes) {
  if (failed_) return;
  // Each byte moved here stands for one consumed, however the stream is cut: linear in all.
  if (consumed_ > 0 && consumed_ >= buffer_.size() - consumed_) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(consumed_));
    consumed_ = 0;
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

std::optional<Bytes> Framer::next() {
  const std::size_t present = buffer_.size() - consumed_;
  if (failed_ || present < kFrameLengthBytes) return std::nullopt;
  const std::uint8_t* start = buffer_.data() + consumed_;
  const std::size_t length = length_at(start);
  if (length == 0 || length > max_frame_bytes_) {
    failed_ = true;
    buffer_ = Bytes();
    consumed_ = 0;
    return std::nullopt;
  }
  if (present - kFrameLengthBytes < length) return std::nullopt;
  start += kFrameLengthBytes;
  Bytes frame(start, start + length);
  consumed_ += kFrameLengthBytes + length;
  if (consumed_ == buffer_.size() && buffer_.capacity() > kKeptBytes) {
    buffer_ = Bytes();
    consumed_ = 0;
  }
  return frame;
}

}  // namespace net
