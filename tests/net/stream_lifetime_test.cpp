#include <memory>
#include <string>
#include <vector>

#include "tests/net/raw_socket.h"
#include "tests/net/stream_fixture.h"

namespace net {

TEST_CASE("a stream may be destroyed or closed by any of its callbacks", "[stream]") {
  Loop loop;
  Server server(loop);
  Log there;
  int calls = 0;
  std::unique_ptr<FrameStream> client;
  const bool politely = GENERATE(false, true);
  const auto end = [&] {
    ++calls;
    if (politely) client->close();
    client.reset();
  };
  const std::string where = GENERATE("frame", "closed", "drained");
  INFO(where);
  FrameStream::Callbacks callbacks;
  if (where == "frame") callbacks.on_frame = [&](const Bytes&) { end(); };
  if (where == "closed") callbacks.on_closed = [&](const std::string&) { end(); };
  if (where == "drained") callbacks.on_drained = end;
  client = FrameStream::connect_tcp(loop, server.listener->local(), callbacks);
  client->write(framed({9}));
  auto accepted = server.next(there);
  for (int i = 0; i < 10; ++i) accepted->write(framed({1}));
  if (where == "closed") accepted->close();
  REQUIRE(loop.run_until([&] { return calls > 0; }));
  loop.turn();
  CHECK(calls == 1);
  CHECK_FALSE(client);
}

TEST_CASE("callbacks may be replaced while they run", "[stream]") {
  Loop loop;
  Server server(loop);
  Log log;
  RawSocket raw = RawSocket::connected(server.listener->local());
  auto stream = server.next();
  const auto greeting = std::make_shared<Bytes>();  // owned by the first callbacks alone
  stream->set_callbacks({[&, kept = greeting](Bytes frame) {
                           stream->set_callbacks(log.callbacks());
                           *kept = std::move(frame);
                         },
                         nullptr, nullptr});
  stream->resume();
  raw.send(framed({1}));
  raw.send(framed({2}));
  REQUIRE(loop.run_until([&] { return !log.frames.empty(); }));
  CHECK(*greeting == Bytes{1});
  CHECK(greeting.use_count() == 1);
  CHECK(log.frames == std::vector<Bytes>{{2}});
}

TEST_CASE("a stream that ends lets go of those its callbacks own", "[stream]") {
  struct Session {
    std::unique_ptr<FrameStream> stream;
  };
  Loop loop;
  Server server(loop);
  RawSocket raw = RawSocket::connected(server.listener->local());
  auto session = std::make_shared<Session>();
  const std::weak_ptr<Session> observed = session;
  session->stream = server.next();
  session->stream->set_callbacks(
      {[session](const Bytes&) { session->stream->close(); }, nullptr, nullptr});
  session->stream->resume();
  session.reset();
  SECTION("by its peer") {
    raw.close();
  }
  SECTION("by itself") {
    raw.send(framed({1}));
  }
  CHECK(loop.run_until([&] { return observed.expired(); }));
}

TEST_CASE("close() sends what was written, whoever is destroyed", "[stream]") {
  Loop loop;
  Server server(loop);
  Log here, there;
  auto client = FrameStream::connect_tcp(loop, server.listener->local(), here.callbacks());
  constexpr std::size_t kFrames = 128;
  const auto write_all_and_close = [&] {
    for (std::size_t i = 0; i < kFrames; ++i) client->write(framed(payload(64 << 10, i)));
    client->close();
    client.reset();
  };
  std::unique_ptr<FrameStream> accepted;
  SECTION("before it is connected") {
    write_all_and_close();
    accepted = server.next(there);
  }
  SECTION("with a reader that comes late") {
    accepted = server.next();
    write_all_and_close();
    loop.turn(200);
    accepted->set_callbacks(there.callbacks());
    accepted->resume();
  }
  SECTION("to a peer that still talks, which a plain close would answer by a reset") {
    accepted = server.next();
    write_all_and_close();
    FrameStream::Callbacks callbacks = there.callbacks();
    callbacks.on_frame = [&](Bytes frame) {
      accepted->write(framed(frame));
      there.frames.push_back(std::move(frame));
    };
    accepted->set_callbacks(callbacks);
    accepted->resume();
  }
  REQUIRE(loop.run_until([&] { return !there.closed.empty(); }));
  CHECK(there.closed[0].empty());
  REQUIRE(there.frames.size() == kFrames);
  CHECK(there.frames.back() == payload(64 << 10, kFrames - 1));
  CHECK(here.frames.empty());
  CHECK(here.closed.empty());
  CHECK(here.drained == 0);
}

TEST_CASE("close() does not wait for ever for a peer that does not read", "[stream]") {
  Loop loop;
  RawSocket deaf(loopback(), SOCK_STREAM);
  REQUIRE(deaf.bind(loopback()));
  REQUIRE(listen(deaf.fd(), 1) == 0);
  Log log;
  auto stream = FrameStream::connect_tcp(loop, deaf.local(), log.callbacks());
  for (int i = 0; i < 512; ++i) stream->write(framed(Bytes(64 << 10, 1)));
  loop.turn();
  REQUIRE(stream->pending_bytes() > 0);
  stream->close(50 * core::kMillisecond);
  CHECK(stream->pending_bytes() == 0);
  CHECK(loop.run_until([&] { return uv_loop_alive(loop) == 0; }));
  CHECK(log.closed.empty());
}

TEST_CASE("both ends may close at once", "[stream]") {
  Loop loop;
  Server server(loop);
  Log here, there;
  auto client = FrameStream::connect_tcp(loop, server.listener->local(), here.callbacks());
  auto accepted = server.next(there);
  client->write(framed({1}));
  client->close();
  accepted->close();
  server.listener.reset();
  CHECK(loop.run_until([&] { return uv_loop_alive(loop) == 0; }));
  CHECK(here.closed.empty());
  CHECK(there.closed.empty());
}

TEST_CASE("a stream may be destroyed in any state", "[stream]") {
  Loop loop;
  Server server(loop);
  Log here, there;
  auto client = FrameStream::connect_tcp(loop, server.listener->local(), here.callbacks());
  SECTION("connecting") {
    client->write(framed({1}));
    client.reset();
  }
  SECTION("with a write in flight") {
    auto accepted = server.next();
    for (int i = 0; i < 512; ++i) client->write(framed(Bytes(64 << 10, 1)));
    loop.turn();
    REQUIRE(client->pending_bytes() > 0);
    client.reset();
    accepted->set_callbacks(there.callbacks());
    accepted->resume();
    REQUIRE(loop.run_until([&] { return !there.closed.empty(); }));
  }
  SECTION("with a peer that vanished while it wrote") {
    server.next().reset();
    for (int i = 0; i < 512; ++i) client->write(framed(Bytes(64 << 10, 1)));
    REQUIRE(loop.run_until([&] { return !here.closed.empty(); }));
    client.reset();
  }
  loop.turn();
  CHECK(there.closed.size() <= 1);
}

}  // namespace net
