// Logarithms and powers of two against values computed with 60 decimal digits.
#include "sim/fixed_point.h"

#include <cstdint>

#include "core/rng.h"
#include "tests/catch.h"

namespace {

constexpr std::uint64_t kOne = std::uint64_t{1} << 32;  // in units of 2^-32
constexpr std::uint64_t kHalf = std::uint64_t{1} << 63;
constexpr std::uint64_t kAll = ~std::uint64_t{0};

// What exp2_minus() may be below the truth, in units of 2^-64.
constexpr std::uint64_t kLoss = 32;

struct Pair {
  std::uint64_t of, is;
};

// Rounded up.
constexpr Pair kLogarithms[] = {{1, 274877906944},
                                {2, 270582939648},
                                {3, 268070544839},
                                {10, 260610334417},
                                {1000, 232075189363},
                                {0xffffffff, 137438953474},
                                {0x100000000, 137438953472},
                                {0x100000001, 137438953471},
                                {0x123456789abcdef, 33559934675},
                                {kHalf - 1, 4294967297},
                                {kHalf, 4294967296},
                                {kHalf + 1, 4294967296},
                                {0xb504f333f9de6484, 2147483649},
                                {0xdeadbeefcafebabe, 864062718},
                                {kAll, 1}};

// Rounded down.
constexpr Pair kPowers[] = {{1, 18446744070732507144u},
                            {2, 18446744067755462673u},
                            {3, 18446744064778418202u},
                            {0x55555555, 14641190474784973067u},
                            {0x80000000, 13043817825332782212u},
                            {0xaaaaaaaa, 11620720581495364253u},
                            {0xffffffff, 9223372038343298044u},
                            {kOne, 9223372036854775808u},
                            {kOne + 1, 9223372035366253572u},
                            {0x3243f6a88, 2090287866635357403u},
                            {63 * kOne, 2},
                            {64 * kOne, 1}};

}  // namespace

TEST_CASE("logarithms are exact, rounded up") {
  for (const Pair& pair : kLogarithms) {
    CAPTURE(pair.of);
    CHECK(sim::minus_log2(pair.of) == pair.is);
  }
}

TEST_CASE("powers are at most a little less than the truth, never more") {
  for (const Pair& pair : kPowers) {
    CAPTURE(pair.of);
    const std::uint64_t power = sim::exp2_minus(pair.of);
    CHECK(power <= pair.is);
    CHECK(pair.is - power <= kLoss);
  }
  CHECK(sim::exp2_minus(0) == kAll);
  CHECK(sim::exp2_minus(64 * kOne) == 0);
  CHECK(sim::exp2_minus(kAll) == 0);
}

TEST_CASE("the logarithm of a power is what it was") {
  core::Rng rng(1);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t y = 1 + rng.below(kOne);
    const std::uint64_t back = sim::minus_log2(sim::exp2_minus(y));
    CAPTURE(y, back);
    REQUIRE(back >= y);
    REQUIRE(back <= y + 1);
  }
}

TEST_CASE("twice the number is one less in the logarithm") {
  core::Rng rng(2);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t draw = rng.next();
    const std::uint64_t x = (draw >> (1 + rng.below(62))) | 1;
    REQUIRE(sim::minus_log2(x) == sim::minus_log2(2 * x) + kOne);
  }
}

TEST_CASE("logarithms never grow, powers neither") {
  core::Rng rng(3);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t x = rng.next() >> 1 | 1;
    REQUIRE(sim::minus_log2(x) >= sim::minus_log2(x + 1));
    const std::uint64_t y = rng.below(64 * kOne);
    REQUIRE(sim::exp2_minus(y) >= sim::exp2_minus(y + kOne / 1000));
  }
}

TEST_CASE("products do not overflow on the way") {
  CHECK(sim::scale(kAll, kAll) == kAll - 1);
  CHECK(sim::scale(kHalf, kHalf) == kHalf / 2);
  CHECK(sim::scale(kHalf, 3) == 1);
  CHECK(sim::scale(0, kAll) == 0);
  CHECK(sim::multiply_divide(kAll, kAll, kAll) == kAll);
  CHECK(sim::multiply_divide(kAll, 1'000'000, 1'000'001) == 18446725626983924631u);
  CHECK(sim::multiply_divide(7, 3, 2) == 10);
  CHECK(sim::multiply_divide(0, kAll, 1) == 0);
}
