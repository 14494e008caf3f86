#include "core/types.h"

#include <array>
#include <cstdint>
#include <set>
#include <string>

#include "tests/catch.h"

namespace {

core::Endpoint v6(const std::array<std::uint16_t, 8>& groups, std::uint16_t port) {
  core::Endpoint endpoint;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    endpoint.address[2 * i] = static_cast<std::uint8_t>(groups[i] >> 8);
    endpoint.address[2 * i + 1] = static_cast<std::uint8_t>(groups[i] & 0xff);
  }
  endpoint.port = port;
  return endpoint;
}

core::Endpoint v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d,
                  std::uint16_t port) {
  core::Endpoint endpoint = v6({0, 0, 0, 0, 0, 0xffff, 0, 0}, port);
  endpoint.address[12] = a;
  endpoint.address[13] = b;
  endpoint.address[14] = c;
  endpoint.address[15] = d;
  return endpoint;
}

}  // namespace

TEST_CASE("types: endpoints read as their users write them") {
  CHECK(to_string(v4(192, 0, 2, 1, 7400)) == "192.0.2.1:7400");
  CHECK(to_string(v4(0, 0, 0, 0, 0)) == "0.0.0.0:0");
  CHECK(to_string(v4(255, 255, 255, 255, 65535)) == "255.255.255.255:65535");
  CHECK(to_string(v6({0x2001, 0xdb8, 0, 0, 0, 0, 0, 1}, 7400)) == "[2001:db8::1]:7400");
  CHECK(to_string(v6({0, 0, 0, 0, 0, 0, 0, 1}, 1)) == "[::1]:1");
  CHECK(to_string(v6({0, 0, 0, 0, 0, 0, 0, 0}, 1)) == "[::]:1");
  CHECK(to_string(v6({0xfe80, 0, 0, 0, 0, 0, 0, 0}, 1)) == "[fe80::]:1");
  CHECK(to_string(v6({1, 2, 3, 4, 5, 6, 7, 8}, 1)) == "[1:2:3:4:5:6:7:8]:1");
  // RFC 5952: the longest run of zeros, the first of equals, and never a single zero.
  CHECK(to_string(v6({1, 0, 0, 2, 0, 0, 0, 3}, 1)) == "[1:0:0:2::3]:1");
  CHECK(to_string(v6({1, 0, 0, 2, 3, 0, 0, 4}, 1)) == "[1::2:3:0:0:4]:1");
  CHECK(to_string(v6({1, 0, 2, 3, 4, 5, 6, 7}, 1)) == "[1:0:2:3:4:5:6:7]:1");
  CHECK(to_string(v6({0xabcd, 0x0123, 0, 0, 0, 0, 0, 0xf00f}, 1)) == "[abcd:123::f00f]:1");
}

TEST_CASE("types: an endpoint without a port is none") {
  CHECK_FALSE(core::Endpoint{});
  CHECK(v4(127, 0, 0, 1, 1));
}

TEST_CASE("types: incarnations count starts above refutations") {
  CHECK(core::start_count(core::first_incarnation(3)) == 3);
  CHECK(core::start_count(core::first_incarnation(3) + 0xffffffffu) == 3);
  CHECK(core::first_incarnation(4) > core::first_incarnation(3) + 0xffffffffu);
}

TEST_CASE("types: exit statuses in words") {
  using Kind = core::ExitStatus::Kind;
  CHECK(to_string(core::ExitStatus{Kind::exited, 0}) == "exit 0");
  CHECK(to_string(core::ExitStatus{Kind::exited, 127}) == "exit 127");
  CHECK(to_string(core::ExitStatus{Kind::signaled, 9}) == "signal 9");
  CHECK(to_string(core::ExitStatus{Kind::cancelled, 15}) == "cancelled");
  CHECK(to_string(core::ExitStatus{Kind::failed, 0}) == "failed");
  CHECK(to_string(core::ExitStatus{Kind::lost, 0}) == "lost");
}

TEST_CASE("types: every enumerator has words of its own") {
  std::set<std::string> vetoes, roles, states;
  for (std::size_t i = 0; i < core::kVetoes; ++i)
    vetoes.insert(core::to_string(static_cast<core::Veto>(i)));
  for (std::size_t i = 0; i < 3; ++i) roles.insert(core::to_string(static_cast<core::Role>(i)));
  for (std::size_t i = 0; i < 7; ++i)
    states.insert(core::to_string(static_cast<core::TaskState>(i)));
  CHECK(vetoes.size() == core::kVetoes);
  CHECK(roles.size() == 3);
  CHECK(states.size() == 7);
  CHECK_FALSE(vetoes.contains(""));
  CHECK_FALSE(states.contains(""));
}
