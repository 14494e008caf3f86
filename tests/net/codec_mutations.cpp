#include "tests/net/codec_mutations.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace test {
namespace {

using core::Rng;
using net::Bytes;

std::uint8_t random_byte(Rng& rng) {
  return static_cast<std::uint8_t>(rng.below(256));
}

std::ptrdiff_t position(const Bytes& bytes, Rng& rng) {
  return static_cast<std::ptrdiff_t>(rng.below(bytes.size() + 1));
}

// The header of a str, bin, array, map or extension with a length of its own.
Bytes claim(Rng& rng) {
  static constexpr std::array<std::uint8_t, 16> kTypes = {0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9,
                                                          0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde,
                                                          0xdf, 0x9f, 0x8f, 0xbf};
  static constexpr std::array<std::uint8_t, 6> kLengthBytes = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};
  Bytes bytes = {kTypes[rng.below(kTypes.size())]};
  const std::uint64_t length_bytes = rng.below(5);
  for (std::uint64_t i = 0; i < length_bytes; ++i) {
    bytes.push_back(kLengthBytes[rng.below(kLengthBytes.size())]);
  }
  return bytes;
}

void flip_bits(Bytes& bytes, Rng& rng) {
  if (bytes.empty()) return;
  const std::uint64_t flips = 1 + rng.below(4);
  for (std::uint64_t i = 0; i < flips; ++i) {
    std::uint8_t& byte = bytes[rng.below(bytes.size())];
    byte = static_cast<std::uint8_t>(byte ^ (1u << rng.below(8)));
  }
}

void truncate(Bytes& bytes, Rng& rng) {
  bytes.resize(rng.below(bytes.size() + 1));
}

void cut_out(Bytes& bytes, Rng& rng) {
  const std::ptrdiff_t one = position(bytes, rng);
  const std::ptrdiff_t other = position(bytes, rng);
  bytes.erase(bytes.begin() + std::min(one, other), bytes.begin() + std::max(one, other));
}

void double_piece(Bytes& bytes, Rng& rng) {
  const Bytes before = bytes;
  const std::ptrdiff_t one = position(before, rng);
  const std::ptrdiff_t other = position(before, rng);
  bytes.insert(bytes.begin() + one, before.begin() + std::min(one, other),
               before.begin() + std::max(one, other));
}

void splice(Bytes& bytes, const Bytes& other, Rng& rng) {
  const std::ptrdiff_t end = position(bytes, rng);
  bytes.erase(bytes.begin() + end, bytes.end());
  bytes.insert(bytes.end(), other.begin() + position(other, rng), other.end());
}

void overwrite_with_claim(Bytes& bytes, Rng& rng) {
  const Bytes header = claim(rng);
  const std::ptrdiff_t start = position(bytes, rng);
  const std::ptrdiff_t room = static_cast<std::ptrdiff_t>(bytes.size()) - start;
  const std::ptrdiff_t size = std::min(room, static_cast<std::ptrdiff_t>(header.size()));
  std::copy(header.begin(), header.begin() + size, bytes.begin() + start);
}

void insert_claim(Bytes& bytes, Rng& rng) {
  const Bytes header = claim(rng);
  bytes.insert(bytes.begin() + position(bytes, rng), header.begin(), header.end());
}

void change_byte(Bytes& bytes, Rng& rng) {
  if (bytes.empty()) return;
  const std::size_t at = rng.below(bytes.size());
  bytes[at] = random_byte(rng);
}

}  // namespace

Bytes random_bytes(std::size_t max_size, Rng& rng) {
  Bytes bytes(rng.below(max_size + 1));
  for (std::uint8_t& byte : bytes) byte = random_byte(rng);
  return bytes;
}

Bytes random_msgpack(std::size_t max_size, Rng& rng) {
  const std::size_t size = rng.below(max_size + 1);
  Bytes bytes;
  if (rng.below(4) > 0) bytes.push_back(static_cast<std::uint8_t>(0x90 + rng.below(16)));
  while (bytes.size() < size) {
    const std::uint64_t kind = rng.below(8);
    if (kind == 0) {
      const Bytes header = claim(rng);
      bytes.insert(bytes.end(), header.begin(), header.end());
    } else if (kind == 1) {
      bytes.push_back(static_cast<std::uint8_t>(0x90 + rng.below(16)));  // a short array
    } else if (kind == 2) {
      const std::uint64_t length = rng.below(32);
      bytes.push_back(static_cast<std::uint8_t>(0xa0 + length));  // a short text
      for (std::uint64_t i = 0; i < length; ++i) bytes.push_back(random_byte(rng));
    } else if (kind == 3) {
      bytes.push_back(static_cast<std::uint8_t>(0xc0 + rng.below(32)));  // any longer type
    } else {
      bytes.push_back(static_cast<std::uint8_t>(rng.below(24)));  // tags and small numbers
    }
  }
  return bytes;
}

Bytes mutated(Bytes bytes, const Bytes& other, Rng& rng) {
  const std::uint64_t times = 1 + rng.below(3);
  for (std::uint64_t i = 0; i < times; ++i) {
    switch (rng.below(8)) {
      case 0:
        flip_bits(bytes, rng);
        break;
      case 1:
        truncate(bytes, rng);
        break;
      case 2:
        cut_out(bytes, rng);
        break;
      case 3:
        double_piece(bytes, rng);
        break;
      case 4:
        splice(bytes, other, rng);
        break;
      case 5:
        overwrite_with_claim(bytes, rng);
        break;
      case 6:
        insert_claim(bytes, rng);
        break;
      default:
        change_byte(bytes, rng);
        break;
    }
  }
  return bytes;
}

}  // namespace test
