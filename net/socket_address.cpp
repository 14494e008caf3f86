#include "net/socket_address.h"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

namespace net {
namespace {

void set_option(int fd, int level, int option, int value) {
  [[maybe_unused]] const int result = setsockopt(fd, level, option, &value, sizeof value);
  assert(result == 0);
}

std::string host_of(const core::Endpoint& endpoint) {
  const std::string text = core::to_string(endpoint);
  return text.substr(0, text.rfind(':'));
}

}  // namespace

int address_family(const core::Endpoint& endpoint) {
  return is_ipv4(endpoint) ? AF_INET : AF_INET6;
}

SocketAddress to_socket_address(const core::Endpoint& endpoint, int family) {
  SocketAddress result;
  std::memset(&result, 0, sizeof result);
  if (family == AF_INET) {
    assert(is_ipv4(endpoint));
    result.v4.sin_family = AF_INET;
    result.v4.sin_port = htons(endpoint.port);
    std::memcpy(&result.v4.sin_addr, endpoint.address.data() + kMappedPrefix.size(), 4);
  } else {
    result.v6.sin6_family = AF_INET6;
    result.v6.sin6_port = htons(endpoint.port);
    std::memcpy(&result.v6.sin6_addr, endpoint.address.data(), endpoint.address.size());
  }
  return result;
}

socklen_t size_of(const SocketAddress& address) {
  return address.any.sa_family == AF_INET ? sizeof address.v4 : sizeof address.v6;
}

core::Endpoint to_endpoint(const sockaddr& address) {
  core::Endpoint endpoint;
  SocketAddress copy;
  if (address.sa_family == AF_INET) {
    std::memcpy(&copy.v4, &address, sizeof copy.v4);
    std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), endpoint.address.begin());
    std::memcpy(endpoint.address.data() + kMappedPrefix.size(), &copy.v4.sin_addr, 4);
    endpoint.port = ntohs(copy.v4.sin_port);
  } else {
    assert(address.sa_family == AF_INET6);
    std::memcpy(&copy.v6, &address, sizeof copy.v6);
    std::memcpy(endpoint.address.data(), &copy.v6.sin6_addr, endpoint.address.size());
    endpoint.port = ntohs(copy.v6.sin6_port);
  }
  return endpoint;
}

core::Endpoint local_endpoint(int fd) {
  SocketAddress address;
  std::memset(&address, 0, sizeof address);
  socklen_t size = sizeof address;
  [[maybe_unused]] const int result = getsockname(fd, &address.any, &size);
  assert(result == 0);
  return to_endpoint(address.any);
}

int open_bound_socket(const core::Endpoint& endpoint, int type, std::string& error) {
  const SocketAddress address = to_socket_address(endpoint, address_family(endpoint));
  const int fd = socket(address.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    error = bind_failure(endpoint, type, errno);
    return -1;
  }
  // A restarted daemon need not wait for its old connections to be forgotten. For UDP the same
  // option would let two daemons share one port without a word.
  if (type == SOCK_STREAM) set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.any.sa_family == AF_INET6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (::bind(fd, &address.any, size_of(address)) != 0) {
    error = bind_failure(endpoint, type, errno);
    ::close(fd);
    return -1;
  }
  return fd;
}

std::string bind_failure(const core::Endpoint& endpoint, int type, int code) {
  const std::string host = host_of(endpoint);
  const std::string port = "port " + std::to_string(endpoint.port);
  const std::string protocol = type == SOCK_DGRAM ? " (UDP)" : " (TCP)";
  switch (code) {
    case EADDRINUSE:
      return port + " on " + host + " is in use" + protocol +
             ": stop the program that has it (another peerd?) or choose another port";
    case EADDRNOTAVAIL:
      return "no network interface here has the address " + host +
             ": choose one that `ip address` lists";
    case EACCES:
      return port + " on " + host + " is reserved" + protocol +
             ": choose one from 1024 on, or run with the privilege to bind it";
    default:
      return "cannot listen on " + core::to_string(endpoint) + protocol + ": " +
             std::strerror(code);
  }
}

}  // namespace net
