// 100,000 inputs that nobody meant for each decoder: no crash, no leak, no allocation beyond a
// small multiple of the input, and what is taken for a message is one.
#include <algorithm>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "net/codec.h"
#include "tests/catch.h"
#include "tests/fuzz/codec_properties.h"
#include "tests/net/codec_allocations.h"
#include "tests/net/codec_mutations.h"
#include "tests/net/codec_samples.h"

namespace {

using net::Bytes;

constexpr int kInputs = 100'000;

// An element of one byte may become a string or a value of the reader, and vectors double.
constexpr std::size_t kLargestFactor = 64;
constexpr std::size_t kLiveFactor = 128;
constexpr std::size_t kFree = 2048;  // for reasons and first blocks

struct Tally {
  std::size_t accepted = 0;
  std::size_t too_large = 0;
  std::size_t too_much = 0;

  void add(const test::Allocations& used, std::size_t input_bytes) {
    if (used.largest_bytes > kFree + kLargestFactor * input_bytes) ++too_large;
    if (used.live_bytes > kFree + kLiveFactor * input_bytes) ++too_much;
  }
  void check() const {
    CHECK(too_large == 0);
    CHECK(too_much == 0);
    // Both the way through and the ways out were walked.
    CHECK(accepted > kInputs / 100);
    CHECK(accepted < kInputs);
  }
};

Bytes body(const Bytes& framed) {
  return Bytes(framed.begin() + net::kFrameLengthBytes, framed.end());
}

// Valid encodings, many of every kind.
using Pool = std::vector<Bytes>;
template <typename Make>
Pool pool_of(std::size_t kinds, Make&& make) {
  constexpr std::size_t kOfEachKind = 50;
  Pool pool;
  for (std::size_t i = 0; i < kinds * kOfEachKind; ++i) pool.push_back(make(i % kinds));
  return pool;
}

const Bytes& any(const Pool& pool, core::Rng& rng) {
  return pool[rng.below(pool.size())];
}

Bytes arbitrary(const Pool& valid, std::size_t max_size, core::Rng& rng) {
  const std::uint64_t kind = rng.below(10);
  if (kind == 0) return test::random_bytes(max_size, rng);
  if (kind == 1) return test::random_msgpack(max_size, rng);
  const Bytes& one = any(valid, rng);
  if (kind == 2) return one;
  const Bytes& other = any(valid, rng);
  return test::mutated(one, other, rng);
}

// Decodes under measurement, then checks the properties that the fuzzer checks.
template <typename Decode>
void feed(const Bytes& input, fuzz::Target target, Decode&& decode, Tally& tally) {
  bool accepted = false;
  const test::Allocations used =
      test::allocations_of([&] { accepted = decode(input).index() == 0; });
  tally.add(used, input.size());
  if (!accepted) return;
  ++tally.accepted;
  Bytes selected = {static_cast<std::uint8_t>(target)};
  selected.insert(selected.end(), input.begin(), input.end());
  fuzz::fuzz_one(selected.data(), selected.size());
}

// A stream of some frames, damaged before or after its lengths were put in front, in random reads.
template <typename Decode>
void feed_streams(const Pool& valid, fuzz::Target target, Decode&& decode, core::Rng& rng) {
  Tally tally;
  for (int i = 0; i < kInputs; ++i) {
    Bytes stream;
    const std::uint64_t frames = 1 + rng.below(3);
    for (std::uint64_t f = 0; f < frames; ++f) {
      Bytes content = arbitrary(valid, 200, rng);
      if (content.empty()) content.push_back(0xc0);
      for (int shift = 24; shift >= 0; shift -= 8) {
        stream.push_back(static_cast<std::uint8_t>(content.size() >> shift));
      }
      stream.insert(stream.end(), content.begin(), content.end());
    }
    if (rng.below(4) == 0) stream = test::mutated(stream, any(valid, rng), rng);

    net::Framer framer;
    std::vector<Bytes> found;
    found.reserve(stream.size() / net::kFrameLengthBytes + 1);
    const std::size_t read_bytes = 1 + rng.below(stream.size() + 1);
    const test::Allocations used = test::allocations_of([&] {
      for (std::size_t start = 0; start < stream.size(); start += read_bytes) {
        const std::size_t size = std::min(read_bytes, stream.size() - start);
        framer.append(std::span(stream).subspan(start, size));
        while (auto frame = framer.next()) found.push_back(std::move(*frame));
      }
    });
    tally.add(used, stream.size());
    for (const Bytes& frame : found) feed(frame, target, decode, tally);
  }
  CHECK(tally.too_large == 0);
  CHECK(tally.too_much == 0);
  CHECK(tally.accepted > kInputs / 100);
}

}  // namespace

TEST_CASE("allocations are counted") {
  const test::Allocations used = test::allocations_of([] {
    const std::vector<Bytes> blocks(3, Bytes(100'000));
    CHECK(blocks.size() == 3);
  });
  CHECK(used.largest_bytes >= 100'000);
  CHECK(used.largest_bytes < 200'000);
  CHECK(used.live_bytes >= 300'000);
}

TEST_CASE("arbitrary datagrams") {
  core::Rng rng(11);
  const Pool valid = pool_of(core::kMessages, [&rng](std::size_t tag) {
    return net::encode(test::sample_datagram(tag, rng));
  });
  Tally tally;
  for (int i = 0; i < kInputs; ++i) {
    feed(arbitrary(valid, 1500, rng), fuzz::Target::datagram, net::decode_datagram, tally);
  }
  tally.check();
}

TEST_CASE("arbitrary streams between peers") {
  core::Rng rng(12);
  const Pool valid = pool_of(test::kStreamFrames, [&rng](std::size_t tag) {
    return body(net::encode(test::sample_stream_frame(tag, rng)));
  });
  feed_streams(valid, fuzz::Target::stream_frame, net::decode_stream_frame, rng);
}

TEST_CASE("arbitrary streams on the control socket") {
  core::Rng rng(13);
  const Pool valid = pool_of(test::kControlFrames, [&rng](std::size_t tag) {
    return body(net::encode(test::sample_control_frame(tag, rng)));
  });
  feed_streams(valid, fuzz::Target::control_frame, net::decode_control_frame, rng);
}

TEST_CASE("arbitrary specification files") {
  core::Rng rng(14);
  const Pool valid =
      pool_of(1, [&rng](std::size_t) { return net::encode(test::sample_task_spec(rng)); });
  Tally tally;
  for (int i = 0; i < kInputs; ++i) {
    feed(arbitrary(valid, 500, rng), fuzz::Target::task_spec, net::decode_task_spec, tally);
  }
  tally.check();
}

TEST_CASE("inputs made to cost the most cost a small multiple of their size") {
  const auto cost = [](const Bytes& input) {
    Tally tally;
    for (const auto& decode :
         {std::function([](const Bytes& b) { return net::decode_stream_frame(b).index(); }),
          std::function([](const Bytes& b) { return net::decode_control_frame(b).index(); }),
          std::function([](const Bytes& b) { return net::decode_task_spec(b).index(); })}) {
      tally.add(test::allocations_of([&] { decode(input); }), input.size());
    }
    return tally.too_large + tally.too_much;
  };
  const auto repeated = [](Bytes start, std::size_t times, const Bytes& piece) {
    for (std::size_t i = 0; i < times; ++i) start.insert(start.end(), piece.begin(), piece.end());
    return start;
  };
  // Strings and arrays of one byte each; as many values as are taken; arrays that promise the rest.
  CHECK(cost(repeated({0x92, 4, 0x91, 0xdc, 0x01, 0x00}, 256, {0xa0})) == 0);
  CHECK(cost(repeated({0x94, 1, 18, 0xdc, 0x04, 0x00}, 1024, {0xa0})) == 0);
  CHECK(cost(repeated({0x94, 1, 15, 0xdc, 0x04, 0x00}, 1024, {0x90})) == 0);
  CHECK(cost(repeated({0xdc, 0x7f, 0xfe}, 0x7ffe, {0xc0})) == 0);
  CHECK(cost(repeated({}, 8, {0xdc, 0xff, 0xff})) == 0);
  CHECK(cost(repeated({0xdc, 0x10, 0x00}, 4096, {0x97, 0, 0, 0, 0, 0, 0, 0})) == 0);
}
