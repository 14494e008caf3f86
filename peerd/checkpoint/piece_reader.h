// Cuts a checkpoint's stream into its pieces (archive.h). Trusts no byte; holds one piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/checkpoint/archive.h"

struct ZSTD_DCtx_s;

namespace peerd {

class PieceReader {
 public:
  PieceReader();
  PieceReader(const PieceReader&) = delete;
  PieceReader& operator=(const PieceReader&) = delete;
  ~PieceReader();

  // Where the stream's next bytes belong, and how many are wanted: at least one.
  std::span<char> wanted();
  // So many of them are there. A piece's records if that completes one: until the next call.
  std::optional<std::string_view> filled(std::size_t bytes);
  // What is wrong; from then on no piece comes.
  const std::string& error() const { return error_; }

 private:
  enum class Part : std::uint8_t { magic, header, body };

  void expect(Part part, std::size_t bytes);
  void begin_piece();
  std::optional<std::string_view> end_piece();

  ZSTD_DCtx_s* context_;
  std::vector<char> packed_;
  std::vector<char> plain_;
  Part part_ = Part::magic;
  std::size_t wanted_ = kArchiveMagic.size();
  std::size_t filled_ = 0;
  PieceSizes sizes_;
  std::string error_;
};

}  // namespace peerd
