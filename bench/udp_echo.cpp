// Sends every datagram back, with libuv and nothing else. Prints its address and serves until it is
// killed.
#include <uv.h>

#include <array>
#include <cassert>
#include <cstdio>

namespace {

constexpr std::size_t kMaxDatagramBytes = 2048;

void provide(uv_handle_t*, std::size_t, uv_buf_t* buffer) {
  static std::array<char, kMaxDatagramBytes> bytes;
  *buffer = uv_buf_init(bytes.data(), bytes.size());
}

void echo(uv_udp_t* socket, ssize_t size, const uv_buf_t* buffer, const sockaddr* from, unsigned) {
  if (size <= 0 || from == nullptr) return;
  const uv_buf_t answer = uv_buf_init(buffer->base, static_cast<unsigned>(size));
  uv_udp_try_send(socket, &answer, 1, from);
}

void must(int result) {
  assert(result == 0);
  static_cast<void>(result);
}

}  // namespace

int main() {
  uv_loop_t loop;
  must(uv_loop_init(&loop));
  uv_udp_t socket;
  must(uv_udp_init(&loop, &socket));
  sockaddr_in address{};
  must(uv_ip4_addr("127.0.0.1", 0, &address));
  must(uv_udp_bind(&socket, reinterpret_cast<const sockaddr*>(&address), 0));
  int length = sizeof address;
  must(uv_udp_getsockname(&socket, reinterpret_cast<sockaddr*>(&address), &length));
  must(uv_udp_recv_start(&socket, provide, echo));
  std::printf("127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return uv_run(&loop, UV_RUN_DEFAULT);
}
