// Numbers as people write them in the configuration: durations ("1.5s"), sizes ("64MiB"), decimals
// in thousandths ("1.5" = 1500) and counts. Integers throughout: what does not fit exactly is
// refused, so that printing and parsing are each other's inverse.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace config {

enum class Unit : std::uint8_t {
  count,
  thousandths,
  duration,  // microseconds; a suffix is required except for 0
  size       // bytes; no suffix means bytes
};

// Never negative. On failure nullopt, and `error` says what is wrong: "\"5\" has no unit ...".
std::optional<std::int64_t> parse_quantity(Unit unit, std::string_view text, std::string& error);

// Requires value >= 0. The shortest exact text: "100ms", "16GiB", "1.5".
std::string print_quantity(Unit unit, std::int64_t value);

// Fit for one line of a terminal: shortened, control characters replaced; the second in quotes.
std::string shown(std::string_view text);
std::string quoted(std::string_view text);

}  // namespace config
