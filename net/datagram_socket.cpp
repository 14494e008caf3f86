#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "net/socket_address.h"
#include "net/transport.h"

namespace net {
namespace {

constexpr int kReceiveBufferBytes = 1 << 20;  // a burst while the board is busy; best effort

}  // namespace

// Lives until libuv has let go of the handle, which is later than its owner does.
struct DatagramSocket::Impl {
  uv_udp_t udp;
  OnDatagram on_datagram;
  core::Endpoint local;
  int family = AF_INET;
  std::uint64_t dropped = 0;
  std::uint64_t oversized = 0;
  std::array<char, kMaxDatagramBytes> buffer;

  void received(ssize_t size, const sockaddr* from, unsigned flags) {
    if (size < 0 || from == nullptr) return;  // nothing there, or an error of that datagram alone
    if ((flags & UV_UDP_PARTIAL) != 0) {
      ++oversized;
      return;
    }
    on_datagram(to_endpoint(*from), {reinterpret_cast<const std::uint8_t*>(buffer.data()),
                                     static_cast<std::size_t>(size)});
  }
};

namespace {

// libuv allows sharing the port as soon as it is given the socket. Taken back, so that the next one
// to bind it is told.
void forbid_sharing(int fd) {
  const int off = 0;
  [[maybe_unused]] const int result = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof off);
  assert(result == 0);
}

}  // namespace

std::unique_ptr<DatagramSocket> DatagramSocket::bind(uv_loop_t* loop,
                                                     const core::Endpoint& endpoint,
                                                     OnDatagram on_datagram, std::string& error) {
  const int fd = open_bound_socket(endpoint, SOCK_DGRAM, error);
  if (fd < 0) return nullptr;
  auto* impl = new Impl;
  std::unique_ptr<DatagramSocket> socket(new DatagramSocket(impl));
  impl->on_datagram = std::move(on_datagram);
  impl->local = local_endpoint(fd);
  impl->family = address_family(endpoint);
  impl->udp.data = impl;
  uv_udp_init(loop, &impl->udp);
  [[maybe_unused]] const int opened = uv_udp_open(&impl->udp, fd);
  assert(opened == 0);
  forbid_sharing(fd);
  int wanted_bytes = kReceiveBufferBytes;
  uv_recv_buffer_size(reinterpret_cast<uv_handle_t*>(&impl->udp), &wanted_bytes);
  const int started = uv_udp_recv_start(
      &impl->udp,
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        auto& self = *static_cast<Impl*>(handle->data);
        *buffer = uv_buf_init(self.buffer.data(), static_cast<unsigned>(self.buffer.size()));
      },
      [](uv_udp_t* udp, ssize_t size, const uv_buf_t*, const sockaddr* from, unsigned flags) {
        static_cast<Impl*>(udp->data)->received(size, from, flags);
      });
  if (started != 0) {
    error = "cannot receive on " + core::to_string(endpoint) + ": " + uv_strerror(started);
    return nullptr;
  }
  return socket;
}

DatagramSocket::DatagramSocket(Impl* impl) : impl_(impl) {}
DatagramSocket::~DatagramSocket() = default;

void DatagramSocket::LetGo::operator()(Impl* impl) const {
  uv_close(reinterpret_cast<uv_handle_t*>(&impl->udp),
           [](uv_handle_t* handle) { delete static_cast<Impl*>(handle->data); });
}

core::Endpoint DatagramSocket::local() const {
  return impl_->local;
}

void DatagramSocket::send(const core::Endpoint& to, std::span<const std::uint8_t> bytes) {
  assert(bytes.size() <= kMaxDatagramBytes);
  if (impl_->family == AF_INET && !is_ipv4(to)) {
    ++impl_->dropped;
    return;
  }
  const SocketAddress address = to_socket_address(to, impl_->family);
  // libuv's buffers are not const; it only reads them here.
  auto* base = reinterpret_cast<char*>(const_cast<std::uint8_t*>(bytes.data()));
  const uv_buf_t buffer = uv_buf_init(base, static_cast<unsigned>(bytes.size()));
  if (uv_udp_try_send(&impl_->udp, &buffer, 1, &address.any) < 0) ++impl_->dropped;
}

std::uint64_t DatagramSocket::dropped() const {
  return impl_->dropped;
}

std::uint64_t DatagramSocket::oversized() const {
  return impl_->oversized;
}

}  // namespace net
