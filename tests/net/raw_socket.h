// A plain blocking socket for tests: the peer that does what a FrameStream never would.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "net/socket_address.h"
#include "tests/catch.h"

namespace net {

class RawSocket {
 public:
  RawSocket(const core::Endpoint& endpoint, int type)
      : fd_(socket(address_family(endpoint), type | SOCK_CLOEXEC, 0)) {
    REQUIRE(fd_ >= 0);
  }
  RawSocket(RawSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~RawSocket() { close(); }

  static RawSocket connected(const core::Endpoint& to, int type = SOCK_STREAM) {
    RawSocket raw(to, type);
    const SocketAddress address = to_socket_address(to, address_family(to));
    REQUIRE(::connect(raw.fd_, &address.any, size_of(address)) == 0);
    return raw;
  }

  bool bind(const core::Endpoint& endpoint) {
    const SocketAddress address = to_socket_address(endpoint, address_family(endpoint));
    return ::bind(fd_, &address.any, size_of(address)) == 0;
  }

  void send(const std::vector<std::uint8_t>& bytes) {
    REQUIRE(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }

  // A close from here on destroys what is on the way, as a crashed machine's kernel would.
  void reset_on_close() {
    const linger at_once{1, 0};
    REQUIRE(setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
  }

  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

  int fd() const { return fd_; }
  core::Endpoint local() const { return local_endpoint(fd_); }

 private:
  int fd_;
};

}  // namespace net
