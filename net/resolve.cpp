#include <netdb.h>

#include <string>

#include "net/endpoint.h"
#include "net/socket_address.h"
#include "net/transport.h"

namespace net {
namespace {

constexpr std::size_t kMaxHostBytes = 253;  // RFC 1035's limit, without the root's dot

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

std::optional<core::Endpoint> resolve(const std::string& text, std::string& error) {
  const auto parts = split_host_and_port(text);
  const bool is_name = parts && !parts->bracketed && parts->host.size() <= kMaxHostBytes &&
                       parts->host.find(':') == std::string::npos;
  const auto endpoint = parse_endpoint(text);
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

}  // namespace net
