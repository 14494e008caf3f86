#include <algorithm>
#include <string>
#include <vector>

#include "net/transport.h"
#include "tests/net/loop.h"
#include "tests/net/raw_socket.h"

namespace net {
namespace {

core::Endpoint at(const std::string& text) {
  const auto endpoint = parse_endpoint(text);
  REQUIRE(endpoint);
  return *endpoint;
}

struct Received {
  core::Endpoint from;
  Bytes bytes;
};

// Keeps what arrives; answers it if told so.
struct Peer {
  std::vector<Received> received;
  bool echoes = false;
  std::unique_ptr<DatagramSocket> socket;

  Peer(Loop& loop, const std::string& listen) {
    std::string error;
    socket = DatagramSocket::bind(
        loop, at(listen),
        [this](const core::Endpoint& from, std::span<const std::uint8_t> bytes) {
          received.push_back({from, Bytes(bytes.begin(), bytes.end())});
          if (echoes) socket->send(from, bytes);
        },
        error);
    INFO(error);
    REQUIRE(socket);
    REQUIRE(error.empty());
  }
};

bool has_ipv6() {
  RawSocket raw(at("[::1]:0"), SOCK_DGRAM);
  return raw.bind(at("[::1]:0"));
}

}  // namespace

TEST_CASE("an endpoint is read strictly", "[endpoint]") {
  CHECK(core::to_string(at("127.0.0.1:7400")) == "127.0.0.1:7400");
  CHECK(core::to_string(at("[::1]:65535")) == "[::1]:65535");
  CHECK(core::to_string(at("[2001:db8::7]:1")) == "[2001:db8::7]:1");
  CHECK(at("[::ffff:192.0.2.1]:5") == at("192.0.2.1:5"));
  CHECK(at("0.0.0.0:0").port == 0);

  for (const char* wrong : {"",
                            ":",
                            "7400",
                            ":7400",
                            "127.0.0.1",
                            "127.0.0.1:",
                            "127.0.0.1:65536",
                            "127.0.0.1:-1",
                            "127.0.0.1:+1",
                            "127.0.0.1: 1",
                            "127.0.0.1:1 ",
                            " 127.0.0.1:1",
                            "127.0.0.1:0x10",
                            "127.0.0:1",
                            "127.1:1",
                            "256.0.0.1:1",
                            "127.0.0.1.1:1",
                            "::1:7400",
                            "[::1]",
                            "[::1]7400",
                            "[::1:7400",
                            "::1]:7400",
                            "[]:1",
                            "[127.0.0.1]:1",
                            "[fe80::1%lo]:1",
                            "[::g]:1",
                            "localhost:7400",
                            "127.0.0.1:1:1"}) {
    INFO(wrong);
    CHECK_FALSE(parse_endpoint(wrong));
  }
  CHECK_FALSE(parse_endpoint(std::string("127.0.0.1\0.2:1", 14)));
}

TEST_CASE("loopback and unspecified addresses are told from others", "[endpoint]") {
  CHECK(is_loopback(at("127.0.0.1:1")));
  CHECK(is_loopback(at("127.255.3.4:1")));
  CHECK(is_loopback(at("[::1]:1")));
  for (const char* other : {"0.0.0.0:1", "[::]:1", "128.0.0.1:1", "126.255.255.255:1", "[::2]:1",
                            "[7f00::1]:1", "[100::1]:1"}) {
    INFO(other);
    CHECK_FALSE(is_loopback(at(other)));
  }
  CHECK(is_unspecified(at("0.0.0.0:1")));
  CHECK(is_unspecified(at("[::]:1")));
  CHECK_FALSE(is_unspecified(at("0.0.0.1:1")));
  CHECK_FALSE(is_unspecified(at("[::1]:1")));
}

TEST_CASE("host names are resolved, nonsense is explained", "[endpoint]") {
  std::string error;
  const auto localhost = resolve("localhost:7400", error);
  INFO(error);
  REQUIRE(localhost);
  CHECK(is_loopback(*localhost));
  CHECK(localhost->port == 7400);
  CHECK(resolve("[::1]:7400", error) == at("[::1]:7400"));
  CHECK(resolve("192.0.2.1:7400", error) == at("192.0.2.1:7400"));
  CHECK(error.empty());

  for (const std::string& wrong :
       {std::string("localhost"), std::string("localhost:"), std::string("::1:7400"),
        std::string("[localhost]:7400"), std::string(300, 'a') + ":7400"}) {
    error.clear();
    CHECK_FALSE(resolve(wrong, error));
    CHECK(error.find("is no address") != std::string::npos);
  }
  CHECK_FALSE(resolve("localhost:0", error));
  CHECK(error.find("its port is 0") != std::string::npos);
}

TEST_CASE("datagrams travel there and back", "[datagram]") {
  Loop loop;
  const std::string listen = GENERATE("127.0.0.1:0", "[::1]:0");
  if (listen[0] == '[' && !has_ipv6()) {
    WARN("no IPv6 here");
    return;
  }
  Peer server(loop, listen);
  Peer client(loop, listen);
  server.echoes = true;
  REQUIRE(server.socket->local().port != 0);

  const std::vector<Bytes> sent = {Bytes{}, Bytes{7}, Bytes(kMaxDatagramBytes, 0xff)};
  for (const Bytes& bytes : sent) client.socket->send(server.socket->local(), bytes);
  REQUIRE(loop.run_until([&] { return client.received.size() == sent.size(); }));
  for (std::size_t i = 0; i < sent.size(); ++i) {
    CHECK(server.received[i].from == client.socket->local());
    CHECK(client.received[i].from == server.socket->local());
    CHECK(client.received[i].bytes == sent[i]);
  }
  CHECK(client.socket->dropped() == 0);
}

TEST_CASE("a socket on all addresses speaks IPv4 with IPv4 peers", "[datagram]") {
  Loop loop;
  const std::string listen = GENERATE("0.0.0.0:0", "[::]:0");
  if (listen[0] == '[' && !has_ipv6()) {
    WARN("no IPv6 here");
    return;
  }
  Peer server(loop, listen);
  Peer client(loop, "127.0.0.1:0");
  server.echoes = true;
  core::Endpoint to = at("127.0.0.1:0");
  to.port = server.socket->local().port;
  client.socket->send(to, Bytes{1, 2, 3});
  REQUIRE(loop.run_until([&] { return !client.received.empty(); }));
  CHECK(server.received[0].from == client.socket->local());
  CHECK(client.received[0].from == to);
}

TEST_CASE("oversized datagrams are counted, not delivered", "[datagram]") {
  Loop loop;
  Peer server(loop, "127.0.0.1:0");
  RawSocket raw = RawSocket::connected(server.socket->local(), SOCK_DGRAM);
  raw.send(Bytes(kMaxDatagramBytes + 1, 1));
  raw.send(Bytes(60'000, 2));
  raw.send(Bytes(kMaxDatagramBytes, 3));
  REQUIRE(loop.run_until([&] { return !server.received.empty(); }));
  loop.turn();
  REQUIRE(server.received.size() == 1);
  CHECK(server.received[0].bytes == Bytes(kMaxDatagramBytes, 3));
  CHECK(server.socket->oversized() == 2);
}

TEST_CASE("what cannot be sent is counted as dropped", "[datagram]") {
  Loop loop;
  Peer peer(loop, "127.0.0.1:0");
  peer.socket->send(at("[::1]:9"), Bytes{1});
  CHECK(peer.socket->dropped() == 1);
  peer.socket->send(at("127.0.0.1:0"), Bytes{1});
  CHECK(peer.socket->dropped() == 2);
}

TEST_CASE("a UDP port is one daemon's alone", "[datagram]") {
  Loop loop;
  auto first = std::make_unique<Peer>(loop, "127.0.0.1:0");
  const core::Endpoint taken = first->socket->local();

  std::string error;
  CHECK_FALSE(DatagramSocket::bind(loop, taken, nullptr, error));
  CHECK(error.find("port " + std::to_string(taken.port) + " on 127.0.0.1 is in use (UDP)") == 0);

  RawSocket greedy(taken, SOCK_DGRAM);
  const int on = 1;
  REQUIRE(setsockopt(greedy.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
  CHECK_FALSE(greedy.bind(taken));

  first.reset();  // the port is free at once
  CHECK(DatagramSocket::bind(
      loop, taken, [](const auto&, auto) {}, error));
}

TEST_CASE("an address of another machine cannot be listened on", "[datagram]") {
  Loop loop;
  std::string error;
  CHECK_FALSE(DatagramSocket::bind(loop, at("192.0.2.1:7400"), nullptr, error));
  CHECK(error.find("192.0.2.1") != std::string::npos);
  CHECK(error.find("no network interface") != std::string::npos);
}

TEST_CASE("a datagram socket may be destroyed by its own callback", "[datagram]") {
  Loop loop;
  int calls = 0;
  std::string error;
  std::unique_ptr<DatagramSocket> socket;
  socket = DatagramSocket::bind(
      loop, at("127.0.0.1:0"),
      [&](const core::Endpoint&, std::span<const std::uint8_t>) {
        socket.reset();
        ++calls;  // what the callback holds is still there
      },
      error);
  REQUIRE(socket);
  RawSocket raw = RawSocket::connected(socket->local(), SOCK_DGRAM);
  raw.send(Bytes{1});
  raw.send(Bytes{2});
  REQUIRE(loop.run_until([&] { return calls > 0; }));
  loop.turn();
  CHECK(calls == 1);
}

}  // namespace net
