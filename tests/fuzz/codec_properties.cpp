#include "tests/fuzz/codec_properties.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <variant>
#include <vector>

#include "net/codec.h"

namespace fuzz {
namespace {

using Input = std::span<const std::uint8_t>;

void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", property);
  std::abort();
}

Input without_length(const net::Bytes& framed) {
  return Input(framed).subspan(net::kFrameLengthBytes);
}

// Refused with a reason, or the same value again after another trip.
template <typename T, typename Decode, typename Body>
void check_decoder(Input input, Decode&& decode, Body&& body) {
  const net::Decoded<T> decoded = decode(input);
  if (const auto* error = std::get_if<net::DecodeError>(&decoded)) {
    require(!error->reason.empty(), "a refusal has a reason");
    return;
  }
  const T& value = std::get<T>(decoded);
  const net::Bytes encoded = net::encode(value);
  require(body(encoded).size() <= input.size(), "the encoder writes the shortest form");
  const net::Decoded<T> again = decode(body(encoded));
  require(std::holds_alternative<T>(again), "what was decoded can be encoded");
  require(std::get<T>(again) == value, "encoding keeps the value");
}

void check_datagram(Input input) {
  check_decoder<net::Datagram>(input, net::decode_datagram, [](const auto& b) { return Input(b); });
}

void check_stream_frame(Input input) {
  check_decoder<net::StreamFrame>(input, net::decode_stream_frame, without_length);
}

void check_control_frame(Input input) {
  check_decoder<net::ControlFrame>(input, net::decode_control_frame, without_length);
}

void check_task_spec(Input input) {
  check_decoder<net::TaskSpec>(input, net::decode_task_spec,
                               [](const auto& b) { return Input(b); });
}

std::vector<net::Bytes> frames_of(net::Framer& framer) {
  std::vector<net::Bytes> frames;
  while (auto frame = framer.next()) frames.push_back(std::move(*frame));
  return frames;
}

// The first byte says how the rest is cut into reads.
void check_byte_stream(Input input) {
  if (input.empty()) return;
  const std::size_t read_bytes = std::size_t{input[0]} + 1;
  input = input.subspan(1);
  net::Framer whole;
  whole.append(input);
  const std::vector<net::Bytes> frames = frames_of(whole);
  net::Framer pieces;
  std::vector<net::Bytes> found;
  for (std::size_t start = 0; start < input.size(); start += read_bytes) {
    pieces.append(input.subspan(start, std::min(read_bytes, input.size() - start)));
    for (net::Bytes& frame : frames_of(pieces)) found.push_back(std::move(frame));
  }
  require(frames == found, "the framer cuts alike whatever the reads");
  require(whole.failed() == pieces.failed(), "the framer fails alike whatever the reads");
  for (const net::Bytes& frame : frames) {
    check_stream_frame(frame);
    check_control_frame(frame);
  }
}

}  // namespace

int fuzz_one(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Input input(data + 1, size - 1);
  switch (static_cast<Target>(data[0] % kTargets)) {
    case Target::datagram:
      check_datagram(input);
      break;
    case Target::stream_frame:
      check_stream_frame(input);
      break;
    case Target::control_frame:
      check_control_frame(input);
      break;
    case Target::task_spec:
      check_task_spec(input);
      break;
    case Target::byte_stream:
      check_byte_stream(input);
      break;
  }
  return 0;
}

}  // namespace fuzz
