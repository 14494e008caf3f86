#include "peerd/checkpoint/archive.h"

#include <limits.h>

#include <type_traits>

namespace peerd {
namespace {

constexpr std::uint16_t kPermissions = 0777;

template <typename Number>
void put(std::uint8_t*& to, Number number) {
  auto rest = static_cast<std::make_unsigned_t<Number>>(number);
  for (std::size_t i = 0; i < sizeof rest; ++i) {
    *to++ = static_cast<std::uint8_t>(rest & 0xff);
    if constexpr (sizeof rest > 1) rest = static_cast<decltype(rest)>(rest >> 8);
  }
}

template <typename Number>
void get(const std::uint8_t*& from, Number& number) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof number; ++i)
    value |= static_cast<std::uint64_t>(*from++) << (8 * i);
  number = static_cast<Number>(value);
}

}  // namespace

ArchiveHeader encode(const ArchiveRecord& record) {
  ArchiveHeader header;
  std::uint8_t* to = header.data();
  put(to, static_cast<std::uint8_t>(record.type));
  put(to, static_cast<std::uint8_t>(record.owned ? 1 : 0));
  put(to, record.mode);
  put(to, record.file);
  put(to, record.offset);
  put(to, record.time_ns);
  put(to, record.path_bytes);
  put(to, record.payload_bytes);
  return header;
}

std::optional<ArchiveRecord> decode(const ArchiveHeader& header) {
  const std::uint8_t* from = header.data();
  std::uint8_t type = 0;
  std::uint8_t owned = 0;
  ArchiveRecord record;
  get(from, type);
  get(from, owned);
  get(from, record.mode);
  get(from, record.file);
  get(from, record.offset);
  get(from, record.time_ns);
  get(from, record.path_bytes);
  get(from, record.payload_bytes);
  record.type = static_cast<ArchiveRecord::Type>(type);
  record.owned = owned == 1;
  const bool valid = type >= static_cast<std::uint8_t>(ArchiveRecord::Type::directory) &&
                     type <= static_cast<std::uint8_t>(ArchiveRecord::Type::end) && owned <= 1 &&
                     (record.mode & ~kPermissions) == 0 &&
                     record.path_bytes <= kMaxArchivePathBytes &&
                     record.payload_bytes <= kMaxPayloadBytes;
  if (!valid) return std::nullopt;
  return record;
}

PieceHeader encode(const PieceSizes& sizes) {
  PieceHeader header;
  std::uint8_t* to = header.data();
  put(to, sizes.plain);
  put(to, sizes.packed);
  return header;
}

std::optional<PieceSizes> decode(const PieceHeader& header) {
  const std::uint8_t* from = header.data();
  PieceSizes sizes;
  get(from, sizes.plain);
  get(from, sizes.packed);
  const bool valid =
      sizes.plain <= kMaxPieceBytes && 0 < sizes.packed && sizes.packed <= sizes.plain;
  if (!valid) return std::nullopt;
  return sizes;
}

bool is_plain_path(std::string_view path) {
  if (path.empty() || path.size() > kMaxArchivePathBytes) return false;
  if (path.find('\0') != std::string_view::npos) return false;
  for (;;) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty() || name == "." || name == ".." || name.size() > NAME_MAX) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace peerd
