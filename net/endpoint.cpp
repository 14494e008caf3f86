#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "net/socket_address.h"
#include "net/transport.h"

namespace net {
namespace {

constexpr std::size_t kMaxHostBytes = 253;  // RFC 1035's limit, without the root's dot

struct HostAndPort {
  std::string host;
  std::uint16_t port = 0;
  bool bracketed = false;
};

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, port);
  if (failure != std::errc() || stop != end) return std::nullopt;
  return port;
}

std::optional<HostAndPort> split(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  const auto port = parse_port(std::string_view(text).substr(colon + 1));
  if (!port) return std::nullopt;
  HostAndPort parts{text.substr(0, colon), *port, false};
  if (parts.host.size() >= 2 && parts.host.front() == '[' && parts.host.back() == ']') {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
    parts.bracketed = true;
  }
  // A C string is what the system is given; the rest behind a zero byte would go unseen.
  if (parts.host.find('\0') != std::string::npos) return std::nullopt;
  return parts;
}

std::optional<core::Endpoint> numeric(const HostAndPort& parts) {
  SocketAddress address;
  std::memset(&address, 0, sizeof address);
  const int family = parts.bracketed ? AF_INET6 : AF_INET;
  void* bytes = parts.bracketed ? static_cast<void*>(&address.v6.sin6_addr)
                                : static_cast<void*>(&address.v4.sin_addr);
  if (inet_pton(family, parts.host.c_str(), bytes) != 1) return std::nullopt;
  address.any.sa_family = static_cast<sa_family_t>(family);
  core::Endpoint endpoint = to_endpoint(address.any);
  endpoint.port = parts.port;
  return endpoint;
}

bool is_link_local(const core::Endpoint& endpoint) {
  return endpoint.address[0] == 0xfe && (endpoint.address[1] & 0xc0) == 0x80;
}

// IPv4 first: a daemon that listens on [::] answers there as well, one on 0.0.0.0 there alone.
// Link-local addresses are worth nothing without their interface.
std::optional<core::Endpoint> first_usable(const addrinfo* list) {
  std::optional<core::Endpoint> found;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    const core::Endpoint endpoint = to_endpoint(*entry->ai_addr);
    if (is_ipv4(endpoint)) return endpoint;
    if (!found && !is_link_local(endpoint)) found = endpoint;
  }
  return found;
}

std::optional<core::Endpoint> look_up(const HostAndPort& parts, std::string& error) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* list = nullptr;
  const int failure = getaddrinfo(parts.host.c_str(), nullptr, &hints, &list);
  if (failure != 0) {
    error = "cannot resolve the host name '" + parts.host + "': " + gai_strerror(failure);
    return std::nullopt;
  }
  auto endpoint = first_usable(list);
  freeaddrinfo(list);
  if (!endpoint) {
    error = "the host name '" + parts.host + "' has no usable address";
    return std::nullopt;
  }
  endpoint->port = parts.port;
  return endpoint;
}

}  // namespace

std::optional<core::Endpoint> parse_endpoint(const std::string& text) {
  const auto parts = split(text);
  return parts ? numeric(*parts) : std::nullopt;
}

std::optional<core::Endpoint> resolve(const std::string& text, std::string& error) {
  const auto parts = split(text);
  const bool is_name = parts && !parts->bracketed && parts->host.size() <= kMaxHostBytes &&
                       parts->host.find(':') == std::string::npos;
  const auto endpoint = parts ? numeric(*parts) : std::nullopt;
  if (!endpoint && !is_name) {
    error = "'" + text + "' is no address: write HOST:PORT, 192.0.2.1:PORT or [2001:db8::1]:PORT";
    return std::nullopt;
  }
  if (parts->port == 0) {
    error = "'" + text + "' is no destination: its port is 0, write 1 ... 65535";
    return std::nullopt;
  }
  return endpoint ? endpoint : look_up(*parts, error);
}

bool is_loopback(const core::Endpoint& endpoint) {
  if (is_ipv4(endpoint)) return endpoint.address[12] == 127;
  core::Endpoint loopback;
  loopback.address[15] = 1;
  return endpoint.address == loopback.address;
}

bool is_unspecified(const core::Endpoint& endpoint) {
  const std::size_t start = is_ipv4(endpoint) ? 12 : 0;
  return std::all_of(endpoint.address.begin() + static_cast<std::ptrdiff_t>(start),
                     endpoint.address.end(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace net
