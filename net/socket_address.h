// Between core::Endpoint and the system's socket addresses. For the transport's own files.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "core/types.h"
#include "net/endpoint.h"

namespace net {

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

int address_family(const core::Endpoint& endpoint);

// For a socket of that family: an AF_INET6 socket is given IPv4 addresses mapped; the opposite is
// impossible.
SocketAddress to_socket_address(const core::Endpoint& endpoint, int family);
socklen_t size_of(const SocketAddress& address);
core::Endpoint to_endpoint(const sockaddr& address);
core::Endpoint local_endpoint(int fd);

// A non-blocking socket of type SOCK_DGRAM or SOCK_STREAM bound to the endpoint. -1 and a text on
// failure.
int open_bound_socket(const core::Endpoint& endpoint, int type, std::string& error);
// Why a bind or listen failed with `code` (an errno), for the user.
std::string bind_failure(const core::Endpoint& endpoint, int type, int code);

}  // namespace net
