// Sends records in pieces (archive.h), compressed as hard as leaves the receiver busy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "peerd/checkpoint/archive.h"
#include "peerd/checkpoint/compression_effort.h"

struct ZSTD_CCtx_s;

namespace peerd {

// Blocks, whether the descriptor does or not. Every function: false with errno set, and then
// nothing more can be sent.
class PieceWriter {
 public:
  // `out` is borrowed.
  PieceWriter(int out, EffortChoice choose);
  PieceWriter(const PieceWriter&) = delete;
  PieceWriter& operator=(const PieceWriter&) = delete;
  ~PieceWriter();

  bool begin();  // once, first
  // A record whose lengths say how much of path and payload there is.
  bool put(const ArchiveRecord& record, std::string_view path, std::string_view payload);
  // One whose payload lies in the file at the record's offset.
  bool put_from(int file, const ArchiveRecord& record);
  // Sends what waits for its piece to be filled.
  bool flush();

  std::uint64_t plain_bytes() const { return plain_bytes_; }
  std::uint64_t packed_bytes() const { return packed_bytes_; }

 private:
  bool make_room(std::size_t bytes);
  void append(std::string_view bytes);
  bool append_from(int file, std::uint64_t offset, std::size_t bytes);
  bool send_from(int file, const ArchiveRecord& record);
  std::string_view pack(std::string_view plain, int level);
  bool write_header(std::size_t plain_bytes, std::size_t packed_bytes);
  bool write(std::string_view bytes);
  bool write_from(int file, std::uint64_t offset, std::size_t bytes);
  bool hand_on(int file, std::uint64_t& offset, std::size_t& bytes);
  bool wait_for_room();
  void sent(std::size_t plain_bytes);

  int out_;
  EffortChoice choose_;
  Effort effort_ = Effort::fast;
  Stint stint_;
  ZSTD_CCtx_s* context_;
  std::vector<char> plain_;
  std::size_t filled_ = 0;
  std::vector<char> packed_;
  std::uint64_t plain_bytes_ = 0;
  std::uint64_t packed_bytes_ = 0;
};

}  // namespace peerd
