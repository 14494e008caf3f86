#include "core/rng.h"

#include <cassert>

namespace core {
namespace {

std::uint64_t rotate_left(std::uint64_t x, int k) {
  return (x << k) | (x >> (64 - k));
}

std::uint64_t splitmix64(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15u;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

Rng::Rng(std::uint64_t seed) {
  for (std::uint64_t& word : state_) word = splitmix64(seed);
}

std::uint64_t Rng::next() {
  const std::uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = rotate_left(state_[3], 45);
  return result;
}

std::uint64_t Rng::below(std::uint64_t bound) {
  assert(bound > 0);
  const std::uint64_t rejected = (0 - bound) % bound;  // 2^64 mod bound: the biased low end
  std::uint64_t draw = next();
  while (draw < rejected) draw = next();
  return draw % bound;
}

// By von Neumann: the run of falling draws that begins with x has odd length with probability e^-x;
// each run of even length puts it off by one mean.
std::uint64_t Rng::exponential(std::uint64_t mean) {
  assert(mean >> 32 == 0);
  for (std::uint64_t whole = 0;; whole += mean) {
    const std::uint64_t first = next();
    std::uint64_t last = first;
    bool odd = true;
    for (std::uint64_t draw = next(); draw < last; draw = next()) {
      last = draw;
      odd = !odd;
    }
    if (odd) return whole + ((first >> 32) * mean >> 32);
  }
}

}  // namespace core
