// Two ends of a frame stream for tests, and what they say.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/transport.h"
#include "tests/catch.h"
#include "tests/net/loop.h"

namespace net {

inline core::Endpoint loopback() {
  return parse_endpoint("127.0.0.1:0").value();
}

inline Bytes framed(const Bytes& payload) {
  Bytes bytes;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<std::uint8_t>(payload.size() >> shift));
  }
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

// Frames that differ in size and in every byte's neighbourhood.
inline Bytes payload(std::size_t size, std::size_t seed) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::uint8_t>(i * 31 + seed * 7 + 1);
  return bytes;
}

// What a stream told its owner.
struct Log {
  std::vector<Bytes> frames;
  std::vector<std::string> closed;
  int drained = 0;

  FrameStream::Callbacks callbacks() {
    return {[this](Bytes frame) { frames.push_back(std::move(frame)); },
            [this](const std::string& error) { closed.push_back(error); }, [this] { ++drained; }};
  }
};

// A listener and the streams it accepted, paused as it hands them over.
struct Server {
  Loop& loop;
  std::vector<std::unique_ptr<FrameStream>> streams;
  std::unique_ptr<StreamListener> listener;

  explicit Server(Loop& loop_in) : loop(loop_in) {
    std::string error;
    listener = StreamListener::listen_tcp(
        loop, loopback(),
        [this](std::unique_ptr<FrameStream> stream, const std::string&) {
          streams.push_back(std::move(stream));
        },
        error);
    INFO(error);
    REQUIRE(listener);
  }

  std::unique_ptr<FrameStream> next() {
    REQUIRE(loop.run_until([this] { return !streams.empty(); }));
    auto stream = std::move(streams.front());
    streams.erase(streams.begin());
    return stream;
  }

  std::unique_ptr<FrameStream> next(Log& log) {
    auto stream = next();
    stream->set_callbacks(log.callbacks());
    stream->resume();
    return stream;
  }
};

}  // namespace net
