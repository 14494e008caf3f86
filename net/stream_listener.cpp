#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "net/socket_address.h"
#include "net/transport.h"

namespace net {
namespace {

constexpr int kTcpBacklog = 128;
constexpr int kUnixBacklog = 1024;  // a full one refuses clients at once instead of delaying them
constexpr int kAcceptsPerTurn = 64;
constexpr std::uint64_t kAcceptRetry_ms = 100;

int listen_or_explain(int fd, const core::Endpoint& endpoint, std::string& error) {
  if (fd < 0 || ::listen(fd, kTcpBacklog) == 0) return fd;
  error = bind_failure(endpoint, SOCK_STREAM, errno);
  ::close(fd);
  return -1;
}

// --- Unix sockets

enum class SocketFile { absent, stale, alive, foreign };

int new_unix_socket() {
  return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

std::string system_error(const std::string& path, int code) {
  return "cannot listen on " + path + ": " + std::strerror(code);
}

// Anything but a refusal may be somebody's socket: a full backlog, a socket of another user.
SocketFile examine(const std::string& path, const sockaddr_un& address) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) return SocketFile::absent;
  if (!S_ISSOCK(status.st_mode)) return SocketFile::foreign;
  const int fd = new_unix_socket();
  if (fd < 0) return SocketFile::alive;
  const int result = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const bool refused = result != 0 && errno == ECONNREFUSED;
  ::close(fd);
  return refused ? SocketFile::stale : SocketFile::alive;
}

// With mode 0600 from the moment it is there.
int bind_private(int fd, const sockaddr_un& address) {
  const mode_t previous = umask(0177);
  const int result = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int code = errno;
  umask(previous);
  return result == 0 ? 0 : code;
}

bool make_way(const std::string& path, const sockaddr_un& address, std::string& error) {
  switch (examine(path, address)) {
    case SocketFile::absent:
      return true;
    case SocketFile::foreign:
      error = path + " exists and is no socket: choose another path for the socket";
      return false;
    case SocketFile::alive:
      error = "another peerd listens on " + path + ": stop it or choose another socket";
      return false;
    case SocketFile::stale:
      break;
  }
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return true;
  error = "cannot remove the stale socket " + path + ": " + std::strerror(errno);
  return false;
}

int open_unix_listener(const std::string& path, std::string& error) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    error = "the socket's path " + path + " has " + std::to_string(path.size()) +
            " bytes and may have 1 ... " + std::to_string(sizeof address.sun_path - 1) +
            ": choose a shorter one";
    return -1;
  }
  path.copy(address.sun_path, path.size());
  if (!make_way(path, address, error)) return -1;
  const int fd = new_unix_socket();
  if (fd < 0) {
    error = system_error(path, errno);
    return -1;
  }
  int failure = bind_private(fd, address);
  if (failure == 0 && ::listen(fd, kUnixBacklog) != 0) failure = errno;
  if (failure == 0) return fd;
  error = system_error(path, failure);
  ::close(fd);
  return -1;
}

}  // namespace

// Accepts by itself instead of through uv_listen, which can spin when descriptors run out and
// cannot be given a mode for the socket's file. Lives until libuv has let go of both handles.
struct StreamListener::Impl {
  uv_loop_t* loop;
  uv_poll_t readable;
  uv_timer_t retry;
  int open_handles = 2;
  const int fd;
  const OnStream on_stream;
  bool closed = false;
  const std::string path;  // of a Unix socket; empty for TCP
  struct stat file {};     // what it was when made

  Impl(uv_loop_t* loop_in, int fd_in, OnStream on_stream_in, std::string path_in)
      : loop(loop_in), fd(fd_in), on_stream(std::move(on_stream_in)), path(std::move(path_in)) {
    uv_timer_init(loop, &retry);
    [[maybe_unused]] const int failure = uv_poll_init(loop, &readable, fd);
    assert(failure == 0);
    retry.data = this;
    readable.data = this;
    if (!path.empty()) lstat(path.c_str(), &file);
    start();
  }

  void start() {
    uv_poll_start(&readable, UV_READABLE, [](uv_poll_t* handle, int, int) {
      static_cast<Impl*>(handle->data)->accept_some();
    });
  }

  void accept_some() {
    for (int i = 0; i < kAcceptsPerTurn && !closed; ++i) {
      SocketAddress address;
      std::memset(&address, 0, sizeof address);
      socklen_t size = sizeof address;
      const int accepted = accept4(fd, &address.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted < 0) {
        if (!accept_failed(errno)) return;
        continue;
      }
      const std::string from = path.empty() ? core::to_string(to_endpoint(address.any)) : path;
      on_stream(FrameStream::adopt(loop, accepted, from), from);
    }
  }

  // True if the next one in the backlog may be tried at once.
  bool accept_failed(int code) {
    switch (code) {
      case EAGAIN:
        return false;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        uv_poll_stop(&readable);
        uv_timer_start(
            &retry, [](uv_timer_t* handle) { static_cast<Impl*>(handle->data)->start(); },
            kAcceptRetry_ms, 0);
        return false;
      default:
        return true;  // that connection was gone before it was accepted
    }
  }

  void close() {
    closed = true;
    remove_file();
    for (auto* handle :
         {reinterpret_cast<uv_handle_t*>(&readable), reinterpret_cast<uv_handle_t*>(&retry)}) {
      uv_close(handle, [](uv_handle_t* closed_handle) {
        auto* self = static_cast<Impl*>(closed_handle->data);
        if (--self->open_handles == 0) delete self;
      });
    }
    ::close(fd);
  }

  void remove_file() const {
    struct stat now;
    if (path.empty() || lstat(path.c_str(), &now) != 0) return;
    if (now.st_dev == file.st_dev && now.st_ino == file.st_ino) unlink(path.c_str());
  }
};

StreamListener::StreamListener(Impl* impl) : impl_(impl) {}
StreamListener::~StreamListener() = default;

void StreamListener::LetGo::operator()(Impl* impl) const {
  impl->close();
}

std::unique_ptr<StreamListener> StreamListener::listen_tcp(uv_loop_t* loop,
                                                           const core::Endpoint& endpoint,
                                                           OnStream on_stream, std::string& error) {
  const int fd =
      listen_or_explain(open_bound_socket(endpoint, SOCK_STREAM, error), endpoint, error);
  if (fd < 0) return nullptr;
  return std::unique_ptr<StreamListener>(
      new StreamListener(new Impl(loop, fd, std::move(on_stream), "")));
}

std::unique_ptr<StreamListener> StreamListener::listen_unix(uv_loop_t* loop,
                                                            const std::string& path,
                                                            OnStream on_stream,
                                                            std::string& error) {
  const int fd = open_unix_listener(path, error);
  if (fd < 0) return nullptr;
  return std::unique_ptr<StreamListener>(
      new StreamListener(new Impl(loop, fd, std::move(on_stream), path)));
}

core::Endpoint StreamListener::local() const {
  assert(impl_->path.empty());
  return local_endpoint(impl_->fd);
}

}  // namespace net
