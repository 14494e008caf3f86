#include "net/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace net {
namespace {

constexpr std::size_t kIpv4At = kMappedPrefix.size();

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, port);
  if (failure != std::errc() || stop != end) return std::nullopt;
  return port;
}

}  // namespace

std::optional<HostAndPort> split_host_and_port(const std::string& text) {
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

std::optional<core::Endpoint> parse_endpoint(const std::string& text) {
  const auto parts = split_host_and_port(text);
  if (!parts) return std::nullopt;
  core::Endpoint endpoint;
  endpoint.port = parts->port;
  if (!parts->bracketed)
    std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), endpoint.address.begin());
  const int family = parts->bracketed ? AF_INET6 : AF_INET;
  std::uint8_t* bytes = endpoint.address.data() + (parts->bracketed ? 0 : kIpv4At);
  if (inet_pton(family, parts->host.c_str(), bytes) != 1) return std::nullopt;
  return endpoint;
}

bool is_ipv4(const core::Endpoint& endpoint) {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), endpoint.address.begin());
}

bool is_loopback(const core::Endpoint& endpoint) {
  if (is_ipv4(endpoint)) return endpoint.address[kIpv4At] == 127;
  core::Endpoint loopback;
  loopback.address[15] = 1;
  return endpoint.address == loopback.address;
}

bool is_unspecified(const core::Endpoint& endpoint) {
  const std::size_t start = is_ipv4(endpoint) ? kIpv4At : 0;
  return std::all_of(endpoint.address.begin() + static_cast<std::ptrdiff_t>(start),
                     endpoint.address.end(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace net
