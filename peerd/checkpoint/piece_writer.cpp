#include "peerd/checkpoint/piece_writer.h"

#include <poll.h>
#include <sys/sendfile.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

namespace peerd {
namespace {

constexpr std::uint64_t kStintBytes = 2u << 20;  // more than what pipes and sockets take at once

std::string_view text(const auto& header) {
  return {reinterpret_cast<const char*>(header.data()), header.size()};
}

// Adds the time until its end.
class Stopwatch {
 public:
  explicit Stopwatch(std::uint64_t& sum_ns) : sum_ns_(sum_ns) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() {
    sum_ns_ += static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin_).count());
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::uint64_t& sum_ns_;
  Clock::time_point begin_ = Clock::now();
};

}  // namespace

PieceWriter::PieceWriter(int out, EffortChoice choose)
    : out_(out),
      choose_(std::move(choose)),
      context_(ZSTD_createCCtx()),
      plain_(kMaxPieceBytes),
      packed_(ZSTD_compressBound(kMaxPieceBytes)) {
  ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
}

PieceWriter::~PieceWriter() {
  ZSTD_freeCCtx(context_);
}

bool PieceWriter::begin() {
  return write(kArchiveMagic);
}

bool PieceWriter::put(const ArchiveRecord& record, std::string_view path,
                      std::string_view payload) {
  if (!make_room(kArchiveHeaderBytes + path.size() + payload.size())) return false;
  append(text(encode(record)));
  append(path);
  append(payload);
  return true;
}

bool PieceWriter::put_from(int file, const ArchiveRecord& record) {
  if (!zstd_level(effort_)) return send_from(file, record);
  if (!make_room(kArchiveHeaderBytes + record.payload_bytes)) return false;
  append(text(encode(record)));
  return append_from(file, record.offset, record.payload_bytes);
}

bool PieceWriter::flush() {
  if (filled_ == 0) return true;
  const std::string_view plain(plain_.data(), filled_);
  const std::optional<int> level = zstd_level(effort_);
  const std::string_view packed = level ? pack(plain, *level) : plain;
  filled_ = 0;
  if (!write_header(plain.size(), packed.size()) || !write(packed)) return false;
  sent(plain.size());
  return true;
}

// The pages of the file are handed on without a copy.
bool PieceWriter::send_from(int file, const ArchiveRecord& record) {
  const std::size_t size = kArchiveHeaderBytes + record.payload_bytes;
  if (!flush() || !write_header(size, size) || !write(text(encode(record))) ||
      !write_from(file, record.offset, record.payload_bytes))
    return false;
  sent(size);
  return true;
}

bool PieceWriter::make_room(std::size_t bytes) {
  return bytes <= plain_.size() - filled_ || flush();
}

void PieceWriter::append(std::string_view bytes) {
  std::copy(bytes.begin(), bytes.end(), plain_.begin() + static_cast<std::ptrdiff_t>(filled_));
  filled_ += bytes.size();
}

bool PieceWriter::append_from(int file, std::uint64_t offset, std::size_t bytes) {
  const Stopwatch working(stint_.working_ns);
  while (bytes > 0) {
    const ssize_t got = ::pread(file, plain_.data() + filled_, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = EIO;  // somebody has truncated it
    if (got <= 0) return false;
    filled_ += static_cast<std::size_t>(got);
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
  return true;
}

// As it is if that is not larger.
std::string_view PieceWriter::pack(std::string_view plain, int level) {
  const Stopwatch working(stint_.working_ns);
  ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level);
  const std::size_t size =
      ZSTD_compress2(context_, packed_.data(), packed_.size(), plain.data(), plain.size());
  if (ZSTD_isError(size) != 0 || size >= plain.size()) return plain;
  return {packed_.data(), size};
}

bool PieceWriter::write_header(std::size_t plain_bytes, std::size_t packed_bytes) {
  return write(text(encode(PieceSizes{static_cast<std::uint32_t>(plain_bytes),
                                      static_cast<std::uint32_t>(packed_bytes)})));
}

bool PieceWriter::write(std::string_view bytes) {
  const Stopwatch blocked(stint_.blocked_ns);
  while (!bytes.empty()) {
    const ssize_t written = ::write(out_, bytes.data(), bytes.size());
    if (written < 0 && wait_for_room()) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
    packed_bytes_ += static_cast<std::uint64_t>(written);
    stint_.packed_bytes += static_cast<std::uint64_t>(written);
  }
  return true;
}

bool PieceWriter::write_from(int file, std::uint64_t offset, std::size_t bytes) {
  if (hand_on(file, offset, bytes)) return true;
  // Some file systems do not know how, nor does Linux 5.10 before 5.10.11 if it is into a pipe.
  if (errno != EINVAL || !append_from(file, offset, bytes)) return false;
  return write({plain_.data(), std::exchange(filled_, 0)});
}

// What is left to be sent is in `offset` and `bytes` afterwards.
bool PieceWriter::hand_on(int file, std::uint64_t& offset, std::size_t& bytes) {
  const Stopwatch blocked(stint_.blocked_ns);
  while (bytes > 0) {
    auto position = static_cast<off_t>(offset);
    const ssize_t written = ::sendfile(out_, file, &position, bytes);
    if (written < 0 && wait_for_room()) continue;
    if (written == 0) errno = EIO;  // somebody has truncated it
    if (written <= 0) return false;
    offset += static_cast<std::uint64_t>(written);
    bytes -= static_cast<std::size_t>(written);
    packed_bytes_ += static_cast<std::uint64_t>(written);
    stint_.packed_bytes += static_cast<std::uint64_t>(written);
  }
  return true;
}

bool PieceWriter::wait_for_room() {
  if (errno == EINTR) return true;
  if (errno != EAGAIN) return false;
  pollfd ready = {out_, POLLOUT, 0};
  ::poll(&ready, 1, -1);
  return true;
}

void PieceWriter::sent(std::size_t plain_bytes) {
  plain_bytes_ += plain_bytes;
  stint_.plain_bytes += plain_bytes;
  if (stint_.plain_bytes < kStintBytes) return;
  effort_ = choose_(effort_, stint_);
  stint_ = {};
}

}  // namespace peerd
