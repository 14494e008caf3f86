// Bytes that nobody meant: pure noise, noise in the shape of msgpack, and damaged valid encodings.
#pragma once

#include "core/rng.h"
#include "net/codec.h"

namespace test {

net::Bytes random_bytes(std::size_t max_size, core::Rng& rng);
// Well-formed headers with random types, sizes and contents; sizes may lie.
net::Bytes random_msgpack(std::size_t max_size, core::Rng& rng);

// Damages `bytes` in one or more ways: flipped bits, lost and doubled pieces, a splice with
// `other`, headers that claim too much.
net::Bytes mutated(net::Bytes bytes, const net::Bytes& other, core::Rng& rng);

}  // namespace test
