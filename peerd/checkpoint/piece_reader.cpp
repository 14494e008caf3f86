#include "peerd/checkpoint/piece_reader.h"

#include <zstd.h>

#include <algorithm>

namespace peerd {

PieceReader::PieceReader()
    : context_(ZSTD_createDCtx()), packed_(kMaxPieceBytes), plain_(kMaxPieceBytes) {}

PieceReader::~PieceReader() {
  ZSTD_freeDCtx(context_);
}

std::span<char> PieceReader::wanted() {
  return std::span(packed_).subspan(filled_, wanted_ - filled_);
}

std::optional<std::string_view> PieceReader::filled(std::size_t bytes) {
  filled_ += bytes;
  if (filled_ < wanted_ || !error_.empty()) return std::nullopt;
  switch (part_) {
    case Part::magic:
      if (std::string_view(packed_.data(), filled_) != kArchiveMagic)
        error_ = "not a checkpoint, or one of another version of peerd";
      expect(Part::header, kPieceHeaderBytes);
      return std::nullopt;
    case Part::header:
      begin_piece();
      return std::nullopt;
    case Part::body:
      return end_piece();
  }
  return std::nullopt;
}

void PieceReader::expect(Part part, std::size_t bytes) {
  part_ = part;
  wanted_ = bytes;
  filled_ = 0;
}

void PieceReader::begin_piece() {
  PieceHeader header;
  std::copy_n(packed_.begin(), header.size(), header.begin());
  const std::optional<PieceSizes> sizes = decode(header);
  if (!sizes) error_ = "a damaged checkpoint: no piece";
  sizes_ = sizes.value_or(PieceSizes{1, 1});
  expect(Part::body, sizes_.packed);
}

std::optional<std::string_view> PieceReader::end_piece() {
  expect(Part::header, kPieceHeaderBytes);
  if (sizes_.packed == sizes_.plain) return std::string_view(packed_.data(), sizes_.plain);
  const std::size_t size =
      ZSTD_decompressDCtx(context_, plain_.data(), sizes_.plain, packed_.data(), sizes_.packed);
  if (ZSTD_isError(size) != 0) {
    error_ = std::string("a damaged checkpoint: ") + ZSTD_getErrorName(size);
    return std::nullopt;
  }
  if (size != sizes_.plain) {
    error_ = "a damaged checkpoint: a piece of another size";
    return std::nullopt;
  }
  return std::string_view(plain_.data(), size);
}

}  // namespace peerd
