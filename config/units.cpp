#include "config/units.h"

#include <cassert>
#include <span>

namespace config {
namespace {

struct Suffix {
  std::string_view name;
  std::int64_t scale;
};

constexpr Suffix kDurations[] = {
    {"us", 1}, {"ms", 1'000}, {"s", 1'000'000}, {"min", 60'000'000}, {"h", 3'600'000'000}};
constexpr Suffix kSizes[] = {{"B", 1},
                             {"KiB", std::int64_t{1} << 10},
                             {"MiB", std::int64_t{1} << 20},
                             {"GiB", std::int64_t{1} << 30},
                             {"TiB", std::int64_t{1} << 40}};

std::span<const Suffix> suffixes(Unit unit) {
  if (unit == Unit::duration) return kDurations;
  if (unit == Unit::size) return kSizes;
  return {};
}

std::string suffix_names(std::span<const Suffix> known) {
  std::string names;
  for (const Suffix& suffix : known) {
    if (!names.empty()) names += ", ";
    names += suffix.name;
  }
  return names;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Cuts the leading digits off `text`.
std::string_view take_digits(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && is_digit(text[length])) ++length;
  const std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

struct Decimal {
  std::string_view whole;
  std::string_view fraction;  // without trailing zeros
  std::string_view suffix;
};

std::optional<Decimal> split(std::string_view text) {
  Decimal parts;
  parts.whole = take_digits(text);
  if (parts.whole.empty()) return std::nullopt;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    parts.fraction = take_digits(text);
    if (parts.fraction.empty()) return std::nullopt;
    while (!parts.fraction.empty() && parts.fraction.back() == '0') parts.fraction.remove_suffix(1);
  }
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  parts.suffix = text;
  return parts;
}

enum class Fit : std::uint8_t { exact, too_large, too_fine };

// value = whole.fraction * scale
Fit scale_up(const Decimal& decimal, std::int64_t scale, std::int64_t& value) {
  value = 0;
  for (const char digit : decimal.whole) {
    if (__builtin_mul_overflow(value, 10, &value)) return Fit::too_large;
    if (__builtin_add_overflow(value, digit - '0', &value)) return Fit::too_large;
  }
  if (__builtin_mul_overflow(value, scale, &value)) return Fit::too_large;
  std::int64_t part = 0;  // fraction * scale, and the power of ten that it is yet to be divided by
  std::int64_t power = 1;
  for (const char digit : decimal.fraction) {
    if (power >= 1'000'000'000) return Fit::too_fine;
    power *= 10;
    part = part * 10 + (digit - '0');
  }
  if (__builtin_mul_overflow(part, scale, &part)) return Fit::too_fine;
  if (part % power != 0) return Fit::too_fine;
  if (__builtin_add_overflow(value, part / power, &value)) return Fit::too_large;
  return Fit::exact;
}

const char* noun(Unit unit) {
  switch (unit) {
    case Unit::count:
      return "a whole number";
    case Unit::thousandths:
      return "a decimal number";
    case Unit::duration:
      return "a duration";
    case Unit::size:
      return "a size";
  }
  assert(false);
  return "";
}

const char* finest(Unit unit) {
  switch (unit) {
    case Unit::count:
      return "a whole number";
    case Unit::thousandths:
      return "0.001";
    case Unit::duration:
      return "1us";
    case Unit::size:
      return "a byte";
  }
  assert(false);
  return "";
}

// What one of `suffix` is worth; nullopt if the unit has no such suffix.
std::optional<std::int64_t> scale_of(Unit unit, std::string_view suffix) {
  for (const Suffix& known : suffixes(unit)) {
    if (known.name == suffix) return known.scale;
  }
  if (!suffix.empty()) return std::nullopt;
  return unit == Unit::thousandths ? 1'000 : 1;
}

}  // namespace

std::optional<std::int64_t> parse_quantity(Unit unit, std::string_view text, std::string& error) {
  const std::optional<Decimal> decimal = split(text);
  if (!decimal) {
    error = quoted(text) + " is not " + noun(unit);
    return std::nullopt;
  }
  const std::optional<std::int64_t> scale = scale_of(unit, decimal->suffix);
  if (!scale) {
    error =
        quoted(text) + (suffixes(unit).empty()
                            ? std::string(" is not ") + noun(unit)
                            : " has an unknown unit (known: " + suffix_names(suffixes(unit)) + ")");
    return std::nullopt;
  }
  std::int64_t value = 0;
  switch (scale_up(*decimal, *scale, value)) {
    case Fit::exact:
      break;
    case Fit::too_large:
      error = quoted(text) + " is too large";
      return std::nullopt;
    case Fit::too_fine:
      error = quoted(text) + " is finer than " + finest(unit);
      return std::nullopt;
  }
  if (unit == Unit::duration && decimal->suffix.empty() && value != 0) {
    error = quoted(text) + " has no unit (known: " + suffix_names(suffixes(unit)) + ")";
    return std::nullopt;
  }
  return value;
}

std::string print_quantity(Unit unit, std::int64_t value) {
  assert(value >= 0);
  if (value == 0 || unit == Unit::count) return std::to_string(value);
  if (unit == Unit::thousandths) {
    std::string fraction = std::to_string(1'000 + value % 1'000).substr(1);
    while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
    return std::to_string(value / 1'000) + (fraction.empty() ? "" : "." + fraction);
  }
  const std::span<const Suffix> known = suffixes(unit);
  const Suffix* best = known.data();
  for (const Suffix& suffix : known) {
    if (value % suffix.scale == 0) best = &suffix;
  }
  return std::to_string(value / best->scale) + std::string(best->name);
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMaxShown = 60;
  std::string clean;
  for (const char c : text.substr(0, kMaxShown)) {
    const auto byte = static_cast<unsigned char>(c);
    clean += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  if (text.size() > kMaxShown) clean += "...";
  return clean;
}

std::string quoted(std::string_view text) {
  return "\"" + shown(text) + "\"";
}

}  // namespace config
