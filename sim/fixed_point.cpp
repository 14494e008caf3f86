#include "sim/fixed_point.h"

#include <array>
#include <bit>
#include <cassert>

namespace sim {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr int kFractionBits = 32;

constexpr std::uint64_t root(Wide square) {
  std::uint64_t result = 0;
  for (int bit = 63; bit >= 0; --bit) {
    const std::uint64_t with_bit = result | std::uint64_t{1} << bit;
    if (Wide{with_bit} * with_bit <= square) result = with_bit;
  }
  return result;
}

// 2^-(1/2), 2^-(1/4), ... in units of 2^-64: each the square root of the one before.
constexpr std::array<std::uint64_t, kFractionBits> roots_of_half() {
  std::array<std::uint64_t, kFractionBits> roots{};
  std::uint64_t last = std::uint64_t{1} << 63;
  for (std::uint64_t& next : roots) last = next = root(Wide{last} << 64);
  return roots;
}
constexpr auto kRootsOfHalf = roots_of_half();

}  // namespace

// Squaring the mantissa doubles its logarithm, whose next binary digit shows in the carry.
std::uint64_t minus_log2(std::uint64_t x) {
  assert(x > 0);
  const int leading = std::countl_zero(x);
  std::uint64_t mantissa = x << leading;  // 1 ... 2, in units of 2^-63
  std::uint64_t fraction = 0;
  for (int bit = 0; bit < kFractionBits; ++bit) {
    const Wide square = Wide{mantissa} * mantissa;  // 1 ... 4, in units of 2^-126
    const bool carry = (square >> 127) != 0;
    mantissa = static_cast<std::uint64_t>(square >> (carry ? 64 : 63));
    fraction = fraction << 1 | (carry ? 1 : 0);
  }
  const std::uint64_t below_one = static_cast<std::uint64_t>(leading + 1) << kFractionBits;
  return below_one - fraction;
}

std::uint64_t exp2_minus(std::uint64_t y) {
  const std::uint64_t whole = y >> kFractionBits;
  if (whole >= 64) return 0;
  std::uint64_t power = ~std::uint64_t{0};
  for (std::size_t i = 0; i < kRootsOfHalf.size(); ++i) {
    if (y >> (kFractionBits - 1 - i) & 1) power = scale(power, kRootsOfHalf[i]);
  }
  return power >> whole;
}

std::uint64_t scale(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::uint64_t>(Wide{a} * b >> 64);
}

std::uint64_t multiply_divide(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  const Wide result = Wide{a} * b / c;
  assert(result <= ~std::uint64_t{0});
  return static_cast<std::uint64_t>(result);
}

}  // namespace sim
