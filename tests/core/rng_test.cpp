#include "core/rng.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/catch.h"

TEST_CASE("rng: the same draws on every machine") {
  // xoshiro256** seeded by splitmix64, by an independent implementation.
  struct Row {
    std::uint64_t seed;
    std::vector<std::uint64_t> draws;
  };
  const std::vector<Row> rows = {
      {0, {0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0, 0x6aa594f1262d2d2c}},
      {1, {0xb3f2af6d0fc710c5, 0x853b559647364cea, 0x92f89756082a4514, 0x642e1c7bc266a3a7}},
      {42, {0x15780b2e0c2ec716, 0x6104d9866d113a7e, 0xae17533239e499a1, 0xecb8ad4703b360a1}},
      {UINT64_MAX,
       {0x8f5520d52a7ead08, 0xc476a018caa1802d, 0x81de31c0d260469e, 0xbf658d7e065f3c2f}}};
  for (const Row& row : rows) {
    core::Rng rng(row.seed);
    for (const std::uint64_t draw : row.draws) CHECK(rng.next() == draw);
  }
}

TEST_CASE("rng: below() stays below, and one is no choice") {
  core::Rng rng(7);
  for (const std::uint64_t bound : {1ull, 2ull, 3ull, 10ull, 1ull << 63, (1ull << 63) + 1, ~0ull})
    for (int i = 0; i < 200; ++i) CHECK(rng.below(bound) < bound);
  CHECK(rng.below(1) == 0);
}

TEST_CASE("rng: below() hits every value as often as any other") {
  core::Rng rng(11);
  constexpr int kDraws = 60'000;
  std::vector<int> counts(6);
  for (int i = 0; i < kDraws; ++i) ++counts[rng.below(6)];
  for (const int count : counts) {
    CHECK(count > 9'600);  // 10,000 expected; 400 are more than four standard deviations
    CHECK(count < 10'400);
  }
}

TEST_CASE("rng: exponential() has that mean, that spread and no memory") {
  core::Rng rng(17);
  constexpr int kDraws = 100'000;
  constexpr std::uint64_t kMean = 1'000'000;
  double sum = 0, squares = 0;
  int beyond[4] = {};  // as many means
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t draw = rng.exponential(kMean);
    const double means = static_cast<double>(draw) / kMean;
    sum += means;
    squares += means * means;
    for (std::uint64_t k = 0; k < 4; ++k) beyond[k] += draw >= k * kMean ? 1 : 0;
  }
  CHECK(std::abs(sum / kDraws - 1) < 0.015);  // more than four standard deviations, as below
  CHECK(std::abs(squares / kDraws - 2) < 0.06);
  CHECK(beyond[0] == kDraws);
  CHECK(std::abs(beyond[1] - kDraws * 0.367879) < 650);
  CHECK(std::abs(beyond[2] - kDraws * 0.135335) < 450);
  CHECK(std::abs(beyond[3] - kDraws * 0.049787) < 300);
}

TEST_CASE("rng: exponential() of the shortest and the longest mean") {
  core::Rng rng(19);
  for (int i = 0; i < 100; ++i) CHECK(rng.exponential(0) == 0);
  int beyond = 0;
  for (int i = 0; i < 1000; ++i) beyond += rng.exponential(UINT32_MAX) >= UINT32_MAX ? 1 : 0;
  CHECK(std::abs(beyond - 368) < 62);
}

TEST_CASE("rng: below() drops the draws that a plain remainder would favour") {
  // Of 2^64 draws a remainder by 3 * 2^62 hits its lowest 2^62 values twice: half of all draws.
  // Without bias it is a third.
  core::Rng rng(13);
  constexpr std::uint64_t kBound = 3ull << 62;
  int low = 0;
  for (int i = 0; i < 30'000; ++i) low += rng.below(kBound) < (1ull << 62) ? 1 : 0;
  CHECK(low > 9'500);
  CHECK(low < 10'500);
}
