// Logarithms and powers of two in integers alone: a library's differ in their last bit from machine
// to machine, and one bit makes another simulation.
#pragma once

#include <cstdint>

namespace sim {

// -log2(x / 2^64), in units of 2^-32, rounded up. Requires x > 0.
std::uint64_t minus_log2(std::uint64_t x);

// 2^-(y / 2^32), in units of 2^-64, at most 32 of them below the truth; 2^64 - 1 stands for 1.
std::uint64_t exp2_minus(std::uint64_t y);

// a * b / 2^64, rounded down.
std::uint64_t scale(std::uint64_t a, std::uint64_t b);

// a * b / c without overflow in between, rounded down. Requires that the result fits.
std::uint64_t multiply_divide(std::uint64_t a, std::uint64_t b, std::uint64_t c);

}  // namespace sim
