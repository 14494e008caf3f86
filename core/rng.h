// The core's only source of chance: xoshiro256** (Blackman and Vigna), seeded through splitmix64.
//
// <random>'s distributions are unspecified and differ between libraries; this gives the same draws
// everywhere. Draw once per statement: argument evaluation order differs between machines.
#pragma once

#include <cstdint>

namespace core {

class Rng {
 public:
  explicit Rng(std::uint64_t seed);

  std::uint64_t next();
  // Uniform over 0 ... bound-1, without modulo bias. Requires bound > 0.
  std::uint64_t below(std::uint64_t bound);
  // Exponentially distributed with that mean, in integers alone. Requires mean < 2^32.
  std::uint64_t exponential(std::uint64_t mean);

 private:
  std::uint64_t state_[4];
};

}  // namespace core
