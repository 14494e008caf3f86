#include "peerd/ctl/text.h"

#include <optional>

#include <fmt/format.h>

namespace peerctl {
namespace {

struct CodePoint {
  std::uint32_t value;
  std::size_t bytes;
};

std::uint8_t byte_at(std::string_view text, std::size_t index) {
  return static_cast<std::uint8_t>(text[index]);
}

// The code point at the beginning of a text that is not empty; nullopt if it is malformed.
std::optional<CodePoint> first_code_point(std::string_view text) {
  const std::uint8_t lead = byte_at(text, 0);
  if (lead < 0x80) return CodePoint{lead, 1};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return std::nullopt;
  std::uint32_t value = lead & (0x7fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte_at(text, i) & 0xc0) != 0x80) return std::nullopt;
    value = (value << 6) | (byte_at(text, i) & 0x3fu);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kSmallest[bytes] || value > 0x10ffff || surrogate) return std::nullopt;
  return CodePoint{value, bytes};
}

bool steers_terminal(std::uint32_t value) {
  return value < 0x20 || (value >= 0x7f && value < 0xa0) ||
         (value >= 0x200b && value <= 0x200f) ||  // invisible, and direction marks
         (value >= 0x2028 && value <= 0x202e) ||  // line ends, direction overrides
         (value >= 0x2066 && value <= 0x2069) || value == 0xfeff;
}

bool continues(char byte) {
  return (static_cast<std::uint8_t>(byte) & 0xc0) == 0x80;
}

}  // namespace

std::string sanitized(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const std::optional<CodePoint> point = first_code_point(text);
    const std::size_t bytes = point ? point->bytes : 1;
    if (text[0] == '\t' || text[0] == '\n') {
      safe += ' ';
    } else if (!point || steers_terminal(point->value)) {
      safe += '?';
    } else {
      safe += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return safe;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const char byte : text) width += continues(byte) ? 0 : 1;
  return width;
}

std::string clipped(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::size_t end = 0;
  for (std::size_t columns = 0; end < text.size(); ++end) {
    if (!continues(text[end]) && ++columns == width) break;
  }
  return std::string(text.substr(0, end)) + '+';
}

std::string padded(std::string_view text, std::size_t width, bool right) {
  const std::size_t own = display_width(text);
  const std::string blanks(width > own ? width - own : 0, ' ');
  return right ? blanks + std::string(text) : std::string(text) + blanks;
}

std::string human_duration(std::int64_t duration_us) {
  if (duration_us < 0) return "-";
  if (duration_us < 1'000) return fmt::format("{}us", duration_us);
  if (duration_us < 1'000'000) return fmt::format("{}ms", duration_us / 1'000);
  const std::int64_t seconds = duration_us / 1'000'000;
  if (seconds < 60) return fmt::format("{}.{}s", seconds, duration_us / 100'000 % 10);
  if (seconds < 3'600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{}h{:02}m", seconds / 3'600, seconds / 60 % 60);
  return fmt::format("{}d{:02}h", seconds / 86'400, seconds / 3'600 % 24);
}

std::string human_load(std::int32_t load) {
  if (load < 0) return "-";
  return fmt::format("{}.{:03}", load / 1'000, load % 1'000);
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace peerctl
