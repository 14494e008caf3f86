// Text for people: safe to show on a terminal, measured in columns, numbers as one says them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace peerctl {

// One line that cannot steer a terminal: control characters, text direction overrides and what is
// not UTF-8 become '?', tabs and line ends become blanks.
std::string sanitized(std::string_view text);
// Columns that sanitized text takes; one for each code point.
std::size_t display_width(std::string_view text);
// At most `width` columns, the last one '+' where something was cut.
std::string clipped(std::string_view text, std::size_t width);
// Padded with blanks to `width` columns.
std::string padded(std::string_view text, std::size_t width, bool right);

std::string human_duration(std::int64_t duration_us);  // "12ms" "1.2s" "3m05s" "2h05m"; "-" if < 0
std::string human_load(std::int32_t load);             // thousandths: "1.500"; "-" if < 0
std::string counted(std::uint64_t count, std::string_view noun);  // "1 move", "2 moves"

}  // namespace peerctl
