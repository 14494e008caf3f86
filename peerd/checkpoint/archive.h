// How a checkpoint travels: the magic, then records, some to a piece, each piece compressed for
// itself or not at all. Files may be written bit by bit and interleaved, so that what is still
// growing can be on its way already.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace peerd {

inline constexpr std::string_view kArchiveMagic = "peerd-checkpoint-2\n";
inline constexpr std::size_t kMaxArchivePathBytes = 4095;
inline constexpr std::size_t kMaxPayloadBytes = 256 * 1024;

struct ArchiveRecord {
  enum class Type : std::uint8_t {
    directory = 1,  // path
    fifo,           // path
    symlink,        // path; payload: its target
    file,           // path; opens it under the number `file`
    data,           // payload, at `offset` of that file; what is left out is a hole
    file_end,       // `offset`: its size; `time_ns`: its modification time; closes it
    end             // `offset`: how many records there were; nothing may follow
  };

  Type type = Type::end;
  bool owned = false;      // by the task's user, else by whoever receives it
  std::uint16_t mode = 0;  // permissions, without set-user-ID and the like
  std::uint32_t file = 0;  // counted from 0
  std::uint64_t offset = 0;
  std::int64_t time_ns = 0;
  std::uint16_t path_bytes = 0;     // that follow the header,
  std::uint32_t payload_bytes = 0;  // and then these
};

inline constexpr std::size_t kArchiveHeaderBytes = 30;
using ArchiveHeader = std::array<std::uint8_t, kArchiveHeaderBytes>;

ArchiveHeader encode(const ArchiveRecord& record);
// Nothing if a field is beyond its limits.
std::optional<ArchiveRecord> decode(const ArchiveHeader& header);

// In front of each piece. What is not compressed has no checksum of its own: the stream's must do.
struct PieceSizes {
  std::uint32_t plain = 0;   // of one or more whole records
  std::uint32_t packed = 0;  // that follow: as many (the records), or fewer (a zstd frame of them)
};

inline constexpr std::size_t kMaxPieceBytes =
    kArchiveHeaderBytes + kMaxArchivePathBytes + kMaxPayloadBytes;
inline constexpr std::size_t kPieceHeaderBytes = 8;
using PieceHeader = std::array<std::uint8_t, kPieceHeaderBytes>;

PieceHeader encode(const PieceSizes& sizes);
// Nothing if they are beyond their limits.
std::optional<PieceSizes> decode(const PieceHeader& header);

// Relative, of plain names: no "..", ".", empty name, NUL, and neither too long.
bool is_plain_path(std::string_view path);

}  // namespace peerd
