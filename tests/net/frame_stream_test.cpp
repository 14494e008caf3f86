#include <algorithm>
#include <string>
#include <vector>

#include "core/rng.h"
#include "tests/net/raw_socket.h"
#include "tests/net/stream_fixture.h"

namespace net {

TEST_CASE("frames of all sizes arrive whole and in order, both ways", "[stream]") {
  Loop loop;
  Server server(loop);
  Log here, there;
  auto client = FrameStream::connect_tcp(loop, server.listener->local(), here.callbacks());
  std::vector<Bytes> sent;
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{255}, std::size_t{256},
        std::size_t{65'535}, std::size_t{65'536}, std::size_t{65'537}, kMaxFrameBytes - 1,
        kMaxFrameBytes, std::size_t{1}}) {
    sent.push_back(payload(size, sent.size()));
    client->write(framed(sent.back()));  // before it is connected
  }
  auto accepted = server.next(there);
  for (const Bytes& bytes : sent) accepted->write(framed(bytes));
  REQUIRE(loop.run_until(
      [&] { return here.frames.size() == sent.size() && there.frames.size() == sent.size(); }));
  CHECK(here.frames == sent);
  CHECK(there.frames == sent);
  REQUIRE(loop.run_until([&] { return here.drained > 0 && there.drained > 0; }));
  CHECK(client->pending_bytes() == 0);
  CHECK(here.closed.empty());
}

TEST_CASE("frames survive any cutting of the stream", "[stream]") {
  Loop loop;
  Server server(loop);
  Log log;
  RawSocket raw = RawSocket::connected(server.listener->local());
  auto stream = server.next(log);
  core::Rng rng(7);
  std::vector<Bytes> sent;
  Bytes wire;
  for (std::size_t i = 0; i < 200; ++i) {
    const std::size_t size = 1 + rng.below(400);
    sent.push_back(payload(size, i));
    const Bytes frame = framed(sent.back());
    wire.insert(wire.end(), frame.begin(), frame.end());
  }
  for (std::size_t at = 0; at < wire.size();) {
    const std::size_t most = rng.below(2) == 0 ? 5 : 900;
    const std::size_t size = std::min<std::size_t>(wire.size() - at, 1 + rng.below(most));
    raw.send(Bytes(wire.begin() + static_cast<std::ptrdiff_t>(at),
                   wire.begin() + static_cast<std::ptrdiff_t>(at + size)));
    at += size;
    loop.turn(2);
  }
  raw.close();
  REQUIRE(loop.run_until([&] { return !log.closed.empty(); }));
  CHECK(log.frames == sent);
  CHECK(log.closed == std::vector<std::string>{""});
}

TEST_CASE("the end of a stream is told once and in words", "[stream]") {
  Loop loop;
  Server server(loop);
  Log log;
  RawSocket raw = RawSocket::connected(server.listener->local());
  const std::string peer = core::to_string(raw.local());
  auto stream = server.next(log);
  raw.send(framed({1, 2, 3}));
  std::string expected;
  SECTION("between frames") {
    raw.close();
  }
  SECTION("in the middle of a frame") {
    raw.send({0, 0, 0, 9, 1, 2});
    raw.close();
    expected = peer + " closed in the middle of a frame";
  }
  SECTION("in the middle of a length") {
    raw.send({0, 0, 0});
    raw.close();
    expected = peer + " closed in the middle of a frame";
  }
  SECTION("a frame of no bytes") {
    raw.send({0, 0, 0, 0});
    expected = peer + " sent a frame whose length is zero or beyond";
  }
  SECTION("a frame one byte too long") {
    const std::size_t size = kMaxFrameBytes + 1;
    raw.send({static_cast<std::uint8_t>(size >> 24), static_cast<std::uint8_t>(size >> 16),
              static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)});
    expected = peer + " sent a frame whose length is zero or beyond " +
               std::to_string(kMaxFrameBytes) + " bytes";
  }
  SECTION("a reset") {
    REQUIRE(loop.run_until([&] { return !log.frames.empty(); }));
    raw.reset_on_close();
    raw.close();
    expected = "cannot read from " + peer + ": connection reset by peer";
  }
  REQUIRE(loop.run_until([&] { return !log.closed.empty(); }));
  loop.turn();
  REQUIRE(log.closed.size() == 1);
  CHECK(log.closed[0].find(expected) == 0);
  CHECK(log.closed[0].empty() == expected.empty());
  CHECK(log.frames == std::vector<Bytes>{{1, 2, 3}});
  stream->write(framed({1}));  // harmless from now on
  stream->resume();
  stream->set_callbacks(log.callbacks());
  CHECK(stream->pending_bytes() == 0);
  loop.turn();
  CHECK(log.closed.size() == 1);
}

TEST_CASE("a failed connect is reported through on_closed", "[stream]") {
  Loop loop;
  Log log;
  std::unique_ptr<FrameStream> stream;
  std::string expected;
  SECTION("TCP, nobody listens") {
    RawSocket silent(loopback(), SOCK_STREAM);  // has the port, so that nobody else gets it
    REQUIRE(silent.bind(loopback()));
    stream = FrameStream::connect_tcp(loop, silent.local(), log.callbacks());
    expected = "cannot connect to " + core::to_string(silent.local()) + ": connection refused";
    stream->write(framed({1}));
    CHECK(log.closed.empty());
    REQUIRE(loop.run_until([&] { return !log.closed.empty(); }));
  }
  SECTION("TCP, at once") {
    const auto broadcast = parse_endpoint("255.255.255.255:9").value();
    stream = FrameStream::connect_tcp(loop, broadcast, log.callbacks());
    expected = "cannot connect to 255.255.255.255:9: ";
  }
  SECTION("Unix, no such file") {
    stream = FrameStream::connect_unix(loop, "/nonexistent/control.sock", log.callbacks());
    expected = "cannot connect to /nonexistent/control.sock: no such file or directory";
  }
  SECTION("Unix, too long a path") {
    stream = FrameStream::connect_unix(loop, "/" + std::string(107, 'x'), log.callbacks());
    expected = "cannot connect to /xxx";
  }
  REQUIRE(loop.run_until([&] { return !log.closed.empty(); }));
  loop.turn();
  REQUIRE(log.closed.size() == 1);
  CHECK(log.closed[0].find(expected) == 0);
  CHECK(stream->pending_bytes() == 0);
  CHECK(log.drained == 0);
}

TEST_CASE("a connect that nobody answers ends in time", "[stream]") {
  Loop loop;
  RawSocket busy(loopback(), SOCK_STREAM);
  REQUIRE(busy.bind(loopback()));
  REQUIRE(listen(busy.fd(), 0) == 0);  // one waits in the backlog, the next are not answered
  Log log;
  std::vector<std::unique_ptr<FrameStream>> streams;
  for (int i = 0; i < 4; ++i) {
    streams.push_back(
        FrameStream::connect_tcp(loop, busy.local(), log.callbacks(), 20 * core::kMillisecond));
  }
  REQUIRE(loop.run_until([&] { return !log.closed.empty(); }));
  CHECK(log.closed[0] ==
        "cannot connect to " + core::to_string(busy.local()) + ": no answer in time");
}

TEST_CASE("frames written in one turn leave together", "[stream]") {
  Loop loop;
  Server server(loop);
  Log here, there;
  auto client = FrameStream::connect_tcp(loop, server.listener->local(), here.callbacks());
  auto accepted = server.next(there);
  loop.turn();
  for (int i = 0; i < 1000; ++i) client->write(framed({1, 2, 3}));
  CHECK(client->pending_bytes() == 7000);
  CHECK(here.drained == 0);
  REQUIRE(loop.run_until([&] { return there.frames.size() == 1000; }));
  CHECK(here.drained == 1);
  CHECK(client->pending_bytes() == 0);
}

TEST_CASE("a reader that pauses holds its writer back", "[stream]") {
  Loop loop;
  Server server(loop);
  Log here, there;
  auto client = FrameStream::connect_tcp(loop, server.listener->local(), here.callbacks());
  auto accepted = server.next();
  accepted->set_callbacks(there.callbacks());
  constexpr std::size_t kFrames = 512;
  constexpr std::size_t kFrame = 64 << 10;
  for (std::size_t i = 0; i < kFrames; ++i) client->write(framed(payload(kFrame, i)));
  loop.turn(200);
  CHECK(there.frames.empty());
  CHECK(here.drained == 0);
  const std::size_t held = client->pending_bytes();
  CHECK(held > 0);
  loop.turn(200);
  CHECK(client->pending_bytes() == held);  // the reader takes nothing in

  accepted->resume();
  REQUIRE(loop.run_until([&] { return there.frames.size() == kFrames; }));
  bool in_order = true;
  for (std::size_t i = 0; i < kFrames; ++i) in_order &= there.frames[i] == payload(kFrame, i);
  CHECK(in_order);
  REQUIRE(loop.run_until([&] { return here.drained == 1; }));
  CHECK(client->pending_bytes() == 0);
}

TEST_CASE("a writer that waits for on_drained gets everything through", "[stream]") {
  Loop loop;
  Server server(loop);
  Log there;
  constexpr std::size_t kFrames = 3000;
  constexpr std::size_t kHighWater = 100'000;
  std::size_t written = 0, most = 0;
  std::unique_ptr<FrameStream> client;
  const auto fill = [&] {
    while (written < kFrames && client->pending_bytes() < kHighWater) {
      client->write(framed(payload(1 + written % 5000, written)));
      ++written;
    }
    most = std::max(most, client->pending_bytes());
  };
  client = FrameStream::connect_tcp(loop, server.listener->local(), {nullptr, nullptr, fill});
  fill();
  auto accepted = server.next(there);
  REQUIRE(loop.run_until([&] { return there.frames.size() == kFrames; }));
  CHECK(most < kHighWater + 5004);
  for (std::size_t i = 0; i < kFrames; i += 101) {
    CHECK(there.frames[i] == payload(1 + i % 5000, i));
  }
}

TEST_CASE("pause() also holds back frames that have arrived", "[stream]") {
  Loop loop;
  Server server(loop);
  RawSocket raw = RawSocket::connected(server.listener->local());
  auto stream = server.next();
  std::vector<Bytes> frames;
  std::vector<std::string> closed;
  stream->set_callbacks({[&](Bytes frame) {
                           frames.push_back(std::move(frame));
                           stream->pause();
                         },
                         [&](const std::string& error) { closed.push_back(error); }, nullptr});
  raw.send([] {
    Bytes wire;
    for (std::uint8_t i = 0; i < 3; ++i) {
      const Bytes frame = framed({i});
      wire.insert(wire.end(), frame.begin(), frame.end());
    }
    return wire;
  }());
  raw.close();
  loop.turn();
  CHECK(frames.empty());  // not resumed yet
  for (std::uint8_t i = 0; i < 3; ++i) {
    stream->resume();
    REQUIRE(frames.size() == i);  // never from inside resume()
    REQUIRE(loop.run_until([&] { return frames.size() > i; }));
    loop.turn();
    REQUIRE(frames.size() == i + 1u);
    CHECK(frames.back() == Bytes{i});
  }
  CHECK(closed.empty());
  stream->resume();
  REQUIRE(loop.run_until([&] { return !closed.empty(); }));
  CHECK(closed[0].empty());
}

}  // namespace net
