// Addresses as people write them. No I/O: names are resolved by the transport.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "core/types.h"

namespace net {

// "127.0.0.1:7400" or "[::1]:7400" and nothing else: no names, no scopes, the port is required.
// Port 0 is let through: to listen on it means a port of the system's choice; whoever wants a
// destination must refuse it.
std::optional<core::Endpoint> parse_endpoint(const std::string& text);

// "board2:7400" or "[::1]:7400", whatever the host may be.
struct HostAndPort {
  std::string host;  // without brackets
  std::uint16_t port = 0;
  bool bracketed = false;
};
std::optional<HostAndPort> split_host_and_port(const std::string& text);

// IPv4 addresses are mapped: behind this prefix.
inline constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0,    0,
                                                               0, 0, 0, 0, 0xff, 0xff};
bool is_ipv4(const core::Endpoint& endpoint);
bool is_loopback(const core::Endpoint& endpoint);     // 127.0.0.0/8 or ::1
bool is_unspecified(const core::Endpoint& endpoint);  // 0.0.0.0 or ::

}  // namespace net
