// The framer cuts the same frames wherever the stream was cut before.
#include <algorithm>
#include <vector>

#include "core/rng.h"
#include "net/codec.h"
#include "tests/catch.h"
#include "tests/net/codec_allocations.h"

namespace {

net::Bytes framed(std::size_t size, std::uint8_t fill) {
  net::Bytes bytes;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<std::uint8_t>(size >> shift));
  }
  bytes.insert(bytes.end(), size, fill);
  return bytes;
}

void drain(net::Framer& framer, std::vector<net::Bytes>& frames) {
  while (auto frame = framer.next()) frames.push_back(std::move(*frame));
}

}  // namespace

TEST_CASE("any split of a stream gives the same frames") {
  core::Rng rng(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<net::Bytes> sent;
    net::Bytes stream;
    const std::uint64_t count = rng.below(8);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t size = 1 + rng.below(rng.below(10) == 0 ? 70'000 : 50);
      const net::Bytes bytes = framed(size, static_cast<std::uint8_t>(i));
      sent.emplace_back(bytes.begin() + net::kFrameLengthBytes, bytes.end());
      stream.insert(stream.end(), bytes.begin(), bytes.end());
    }
    net::Framer framer;
    std::vector<net::Bytes> received;
    const bool lazy = rng.below(2) == 0;  // takes one frame for each read, the rest at the end
    for (std::size_t start = 0; start < stream.size();) {
      const std::size_t wanted = 1 + rng.below(rng.below(2) == 0 ? 5 : 60'000);
      const std::size_t size = std::min(wanted, stream.size() - start);
      framer.append(std::span(stream).subspan(start, size));
      start += size;
      if (!lazy) {
        drain(framer, received);
      } else if (auto frame = framer.next()) {
        received.push_back(std::move(*frame));
      }
    }
    drain(framer, received);
    INFO("round " << round);
    REQUIRE_FALSE(framer.failed());
    REQUIRE((received == sent));
  }
}

TEST_CASE("an incomplete frame is awaited") {
  net::Framer framer;
  const net::Bytes bytes = framed(3, 7);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(framer.next());
    framer.append(std::span(bytes).subspan(size, 1));
  }
  CHECK((framer.next() == net::Bytes(3, 7)));
  CHECK_FALSE(framer.next());
  CHECK_FALSE(framer.failed());
}

TEST_CASE("an empty or oversized frame ends the stream") {
  SECTION("empty") {
    net::Framer framer;
    framer.append(framed(0, 0));
    CHECK_FALSE(framer.next());
    CHECK(framer.failed());
  }
  SECTION("at the limit is legal, beyond it is not") {
    net::Framer framer(10);
    framer.append(framed(10, 1));
    framer.append(framed(11, 2));
    CHECK(framer.next());
    CHECK_FALSE(framer.next());
    CHECK(framer.failed());
  }
  SECTION("known from the length alone, and final") {
    net::Framer framer;
    framer.append(net::Bytes{0xff, 0xff, 0xff, 0xff});
    CHECK_FALSE(framer.next());
    CHECK(framer.failed());
    framer.append(framed(1, 1));
    CHECK_FALSE(framer.next());
    CHECK(framer.failed());
  }
}

TEST_CASE("what is missing of a frame is told") {
  net::Framer framer;
  const net::Bytes bytes = framed(100'000, 3);
  CHECK(framer.missing() == 0);
  framer.append(std::span(bytes).first(3));
  CHECK_FALSE(framer.next());
  CHECK(framer.missing() == 0);  // not known yet
  framer.append(std::span(bytes).subspan(3, 1001));
  CHECK_FALSE(framer.next());
  CHECK(framer.missing() == 99'000);
  CHECK_FALSE(framer.empty());
  framer.append(std::span(bytes).subspan(1004));
  CHECK(framer.missing() == 0);
  CHECK_FALSE(framer.empty());
  CHECK(framer.next());
  CHECK(framer.empty());
}

TEST_CASE("a claimed length reserves nothing") {
  net::Framer framer;
  const net::Bytes header = {0x00, 0x10, 0x00, 0x00, 0x91};  // a frame of 1 MiB, one byte of it
  const test::Allocations used = test::allocations_of([&] {
    framer.append(header);
    (void)framer.next();
  });
  CHECK(used.largest_bytes < 4096);
}

TEST_CASE("a long stream is held in bounded memory") {
  constexpr std::size_t kReadBytes = 64 << 10;
  net::Bytes stream;
  for (std::size_t i = 0; i < 400; ++i) {
    const net::Bytes bytes = framed(1 + i * 97 % 20'000, 1);
    stream.insert(stream.end(), bytes.begin(), bytes.end());
  }
  net::Framer framer;
  std::size_t frames = 0;
  const test::Allocations used = test::allocations_of([&] {
    for (std::size_t start = 0; start < stream.size(); start += kReadBytes) {
      framer.append(std::span(stream).subspan(start, std::min(kReadBytes, stream.size() - start)));
      while (framer.next()) ++frames;
    }
  });
  CHECK(frames == 400);
  CHECK(used.live_bytes < 5 * kReadBytes);  // a vector doubles, and a frame is handed out
}
