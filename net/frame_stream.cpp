#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <csignal>
#include <utility>
#include <vector>

#include "net/frame_queue.h"
#include "net/socket_address.h"
#include "net/transport.h"

namespace net {
namespace {

constexpr std::size_t kReadBytes = kMaxImageBytes + 4096;  // the largest frame in quantity, whole
constexpr unsigned kKeepaliveDelay_s = 30;  // a peer that lost its power is noticed some day

std::uint64_t to_ms(core::Duration duration) {
  return static_cast<std::uint64_t>(duration / core::kMillisecond);
}

void survive_broken_pipes() {
  struct sigaction action {};
  if (sigaction(SIGPIPE, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) return;
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

}  // namespace

// Lives until its owner has let go of it and libuv of its handles, whichever is later.
//
// connecting -> open -> closed. An owned stream that closes tells its owner; one whose owner called
// close() lingers on by itself: it flushes, shuts its side down, reads until the peer's end and
// closes.
struct FrameStream::Impl {
  enum class State { connecting, open, closed };

  uv_any_handle io;  // TCP or pipe
  uv_timer_t timer;  // bounds connecting, later lingering
  uv_idle_t soon;    // what must not happen inside the owner's calls; keeps the loop from sleeping
  int open_handles = 3;
  uv_connect_t connect_request;
  uv_write_t write_request;
  uv_shutdown_t shutdown_request;

  const std::string peer;
  std::shared_ptr<const Callbacks> callbacks = std::make_shared<Callbacks>();
  State state = State::connecting;
  bool owned = true;
  bool paused = false;
  std::string connect_error;  // a connect that failed on the spot, to be reported soon
  Framer framer;
  FrameQueue pending;    // written, waits for the loop's turn or for the write in flight
  FrameQueue in_flight;  // libuv has it; not empty while a write is in flight
  bool shutting_down = false;
  bool own_end_sent = false;
  bool peer_end_seen = false;

  Impl(uv_loop_t* loop, uv_handle_type type, std::string peer_name);

  void connect_tcp(const core::Endpoint& to, core::Duration timeout);
  void connect_unix(const std::string& path);
  void connected(int status);
  void opened();

  void start_reading();
  void received(ssize_t size, const uv_buf_t& buffer);
  void deliver();
  void ended();

  void flush();
  void written(int status);
  void drained();

  void run_soon();
  void fail(const std::string& error);
  void linger(core::Duration timeout);
  void let_go();
  void close_handles();
  void delete_if_done();
};

FrameStream::Impl::Impl(uv_loop_t* loop, uv_handle_type type, std::string peer_name)
    : peer(std::move(peer_name)) {
  survive_broken_pipes();
  if (type == UV_TCP) {
    uv_tcp_init(loop, &io.tcp);
  } else {
    uv_pipe_init(loop, &io.pipe, 0);
  }
  uv_timer_init(loop, &timer);
  uv_idle_init(loop, &soon);
  io.handle.data = this;
  timer.data = this;
  soon.data = this;
  connect_request.data = this;
  write_request.data = this;
  shutdown_request.data = this;
}

// --- Connecting

void FrameStream::Impl::connect_tcp(const core::Endpoint& to, core::Duration timeout) {
  const SocketAddress address = to_socket_address(to, address_family(to));
  const int failure = uv_tcp_connect(&connect_request, &io.tcp, &address.any,
                                     [](uv_connect_t* request, int status) {
                                       static_cast<Impl*>(request->data)->connected(status);
                                     });
  if (failure != 0) {
    connect_error = "cannot connect to " + peer + ": " + uv_strerror(failure);
    run_soon();
    return;
  }
  uv_timer_start(
      &timer,
      [](uv_timer_t* handle) {
        auto& self = *static_cast<Impl*>(handle->data);
        self.fail("cannot connect to " + self.peer + ": no answer in time");
      },
      to_ms(timeout), 0);
}

void FrameStream::Impl::connect_unix(const std::string& path) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {  // libuv would cut it without a word
    connect_error = "cannot connect to " + peer + ": the path is too long for a socket";
    run_soon();
    return;
  }
  uv_pipe_connect(&connect_request, &io.pipe, path.c_str(), [](uv_connect_t* request, int status) {
    static_cast<Impl*>(request->data)->connected(status);
  });
}

void FrameStream::Impl::connected(int status) {
  if (state == State::closed) return;
  if (status != 0) {
    fail("cannot connect to " + peer + ": " + uv_strerror(status));
    return;
  }
  if (owned) uv_timer_stop(&timer);  // else it bounds the lingering
  opened();
  start_reading();
  flush();
}

void FrameStream::Impl::opened() {
  state = State::open;
  if (io.handle.type != UV_TCP) return;
  uv_tcp_nodelay(&io.tcp, 1);
  uv_tcp_keepalive(&io.tcp, 1, kKeepaliveDelay_s);
}

// --- Reading

void FrameStream::Impl::start_reading() {
  if (state != State::open || paused) return;
  const int failure = uv_read_start(
      &io.stream,
      [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
        // Used up before the next read, whichever stream's: one for all.
        thread_local std::array<char, kReadBytes> bytes;
        const std::size_t missing = static_cast<Impl*>(handle->data)->framer.missing();
        const std::size_t size = missing > 0 ? std::min(missing, bytes.size()) : bytes.size();
        *buffer = uv_buf_init(bytes.data(), static_cast<unsigned>(size));
      },
      [](uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
        static_cast<Impl*>(stream->data)->received(size, *buffer);
      });
  if (failure != 0 && failure != UV_EALREADY) {
    fail("cannot read from " + peer + ": " + uv_strerror(failure));
  }
}

void FrameStream::Impl::received(ssize_t size, const uv_buf_t& buffer) {
  if (size == UV_EOF) {
    ended();
  } else if (size < 0) {
    fail("cannot read from " + peer + ": " + uv_strerror(static_cast<int>(size)));
  } else if (owned) {
    framer.append(
        {reinterpret_cast<const std::uint8_t*>(buffer.base), static_cast<std::size_t>(size)});
    deliver();
  }
}

// After every callback the stream may be paused, closed or without an owner.
void FrameStream::Impl::deliver() {
  while (state == State::open && owned && !paused) {
    auto frame = framer.next();
    if (!frame) {
      if (framer.failed()) {
        fail(peer + " sent a frame whose length is zero or beyond " +
             std::to_string(kMaxFrameBytes) + " bytes");
      }
      return;
    }
    const auto kept = callbacks;  // they may be replaced while they run
    if (kept->on_frame) kept->on_frame(std::move(*frame));
  }
}

void FrameStream::Impl::ended() {
  if (owned) {
    fail(framer.empty() ? "" : peer + " closed in the middle of a frame");
    return;
  }
  peer_end_seen = true;
  uv_read_stop(&io.stream);
  if (own_end_sent) close_handles();
}

// --- Writing

void FrameStream::Impl::flush() {
  if (state != State::open || !in_flight.empty()) return;
  if (pending.empty()) {
    if (!owned) drained();
    return;
  }
  std::vector<uv_buf_t> buffers = pending.after(0);
  const int sent = uv_try_write(&io.stream, buffers.data(), static_cast<unsigned>(buffers.size()));
  if (sent < 0 && sent != UV_EAGAIN) {
    fail("cannot write to " + peer + ": " + uv_strerror(sent));
    return;
  }
  const std::size_t done = sent < 0 ? 0 : static_cast<std::size_t>(sent);
  if (done == pending.size()) {
    pending = {};
    drained();
    return;
  }
  in_flight = std::exchange(pending, {});
  buffers = in_flight.after(done);
  const int failure = uv_write(
      &write_request, &io.stream, buffers.data(), static_cast<unsigned>(buffers.size()),
      [](uv_write_t* request, int status) { static_cast<Impl*>(request->data)->written(status); });
  if (failure != 0) fail("cannot write to " + peer + ": " + uv_strerror(failure));
}

void FrameStream::Impl::written(int status) {
  in_flight = {};
  if (state == State::closed) return;
  if (status != 0) {
    fail("cannot write to " + peer + ": " + uv_strerror(status));
  } else if (pending.empty()) {
    drained();
  } else {
    flush();
  }
}

void FrameStream::Impl::drained() {
  if (owned) {
    const auto kept = callbacks;
    if (kept->on_drained) kept->on_drained();
    return;
  }
  if (std::exchange(shutting_down, true)) return;
  const int failure =
      uv_shutdown(&shutdown_request, &io.stream, [](uv_shutdown_t* request, int status) {
        auto& self = *static_cast<Impl*>(request->data);
        self.own_end_sent = true;
        if (status != 0 || self.peer_end_seen) self.close_handles();
      });
  if (failure != 0) close_handles();
}

// --- Later and last

void FrameStream::Impl::run_soon() {
  if (state == State::closed) return;
  uv_idle_start(&soon, [](uv_idle_t* handle) {
    auto& self = *static_cast<Impl*>(handle->data);
    uv_idle_stop(handle);
    if (!self.connect_error.empty()) {
      self.fail(self.connect_error);
      return;
    }
    self.deliver();
    self.start_reading();
    self.flush();
  });
}

void FrameStream::Impl::fail(const std::string& error) {
  if (state == State::closed) return;
  close_handles();
  const auto last = std::exchange(callbacks, nullptr);
  if (owned && last->on_closed) last->on_closed(error);
}

void FrameStream::Impl::linger(core::Duration timeout) {
  if (state == State::closed) {
    let_go();
    return;
  }
  const auto unused = std::exchange(callbacks, nullptr);  // goes last: it may own anything
  owned = false;
  paused = false;
  uv_timer_start(
      &timer, [](uv_timer_t* handle) { static_cast<Impl*>(handle->data)->close_handles(); },
      to_ms(timeout), 0);
  run_soon();
}

void FrameStream::Impl::let_go() {
  const auto unused = std::exchange(callbacks, nullptr);
  owned = false;
  close_handles();
  delete_if_done();
}

void FrameStream::Impl::close_handles() {
  if (state == State::closed) return;
  state = State::closed;
  pending = {};
  for (auto* handle : {&io.handle, reinterpret_cast<uv_handle_t*>(&timer),
                       reinterpret_cast<uv_handle_t*>(&soon)}) {
    uv_close(handle, [](uv_handle_t* closed) {
      auto* self = static_cast<Impl*>(closed->data);
      --self->open_handles;
      self->delete_if_done();
    });
  }
}

void FrameStream::Impl::delete_if_done() {
  if (!owned && open_handles == 0) delete this;
}

// --- The owner's side

FrameStream::FrameStream(Impl* impl) : impl_(impl) {}
FrameStream::~FrameStream() = default;

void FrameStream::LetGo::operator()(Impl* impl) const {
  impl->let_go();
}

std::unique_ptr<FrameStream> FrameStream::connect_tcp(uv_loop_t* loop, const core::Endpoint& to,
                                                      Callbacks callbacks, core::Duration timeout) {
  std::unique_ptr<FrameStream> stream(new FrameStream(new Impl(loop, UV_TCP, core::to_string(to))));
  stream->set_callbacks(std::move(callbacks));
  stream->impl_->connect_tcp(to, timeout);
  return stream;
}

std::unique_ptr<FrameStream> FrameStream::connect_unix(uv_loop_t* loop, const std::string& path,
                                                       Callbacks callbacks) {
  std::unique_ptr<FrameStream> stream(new FrameStream(new Impl(loop, UV_NAMED_PIPE, path)));
  stream->set_callbacks(std::move(callbacks));
  stream->impl_->connect_unix(path);
  return stream;
}

std::unique_ptr<FrameStream> FrameStream::adopt(uv_loop_t* loop, int fd, const std::string& from) {
  const uv_handle_type type = uv_guess_handle(fd);
  assert(type == UV_TCP || type == UV_NAMED_PIPE);
  auto* impl = new Impl(loop, type, from);
  [[maybe_unused]] const int failure =
      type == UV_TCP ? uv_tcp_open(&impl->io.tcp, fd) : uv_pipe_open(&impl->io.pipe, fd);
  assert(failure == 0);
  impl->paused = true;
  impl->opened();
  return std::unique_ptr<FrameStream>(new FrameStream(impl));
}

void FrameStream::set_callbacks(Callbacks callbacks) {
  if (!impl_ || impl_->state == Impl::State::closed) return;
  impl_->callbacks = std::make_shared<const Callbacks>(std::move(callbacks));
}

void FrameStream::write(Bytes encoded_frame) {
  if (!impl_ || impl_->state == Impl::State::closed) return;
  impl_->pending.push(std::move(encoded_frame));
  impl_->run_soon();
}

std::size_t FrameStream::pending_bytes() const {
  if (!impl_ || impl_->state == Impl::State::closed) return 0;
  return impl_->pending.size() + uv_stream_get_write_queue_size(&impl_->io.stream);
}

std::optional<std::uint32_t> FrameStream::peer_user() const {
  uv_os_fd_t fd = -1;
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (!impl_ || uv_fileno(&impl_->io.handle, &fd) != 0 ||
      getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return std::nullopt;
  return credentials.uid;
}

void FrameStream::pause() {
  if (!impl_ || impl_->state == Impl::State::closed) return;
  impl_->paused = true;
  uv_read_stop(&impl_->io.stream);
}

void FrameStream::resume() {
  if (!impl_ || !impl_->paused) return;
  impl_->paused = false;
  impl_->run_soon();
}

void FrameStream::close(core::Duration timeout) {
  if (impl_) impl_.release()->linger(timeout);
}

}  // namespace net
