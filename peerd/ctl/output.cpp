#include "peerd/ctl/output.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "peerd/ctl/text.h"

namespace peerctl {
namespace {

void wait_until_writable(int fd) {
  pollfd poll{fd, POLLOUT, 0};
  ::poll(&poll, 1, -1);
}

// Returns 0 or errno.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      wait_until_writable(fd);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

int output_failed(int error) {
  if (error == EPIPE) return kExitBrokenPipe;
  return complain({kExitIoError, fmt::format("cannot write the output: {}", std::strerror(error))});
}

}  // namespace

int print(std::string_view text) {
  const int error = write_all(STDOUT_FILENO, text);
  return error == 0 ? kExitOk : output_failed(error);
}

int complain(const Problem& problem) {
  remark(problem.message);
  return problem.code;
}

void remark(std::string_view message) {
  write_all(STDERR_FILENO, "peerctl: " + sanitized(message) + "\n");
}

Sink::Sink(uv_loop_t* loop, int fd, OnDrained on_drained, OnFailed on_failed)
    : fd_(fd),
      on_drained_(std::move(on_drained)),
      on_failed_(std::move(on_failed)),
      watch_(loop, fd, ReadyWatch::For::writing, [this] { flush(); }) {}

void Sink::write(std::span<const std::uint8_t> bytes) {
  if (closed_) return;
  const bool was_drained = drained();
  if (was_drained) {
    queue_.clear();
    written_ = 0;
  }
  queue_.insert(queue_.end(), bytes.begin(), bytes.end());
  if (was_drained) flush();
}

void Sink::close() {
  closed_ = true;
  queue_.clear();
  written_ = 0;
  watch_.stop();
}

void Sink::flush() {
  while (!drained()) {
    if (!watch_.ready_now()) return watch_.start();
    if (!write_some()) return;
  }
  watch_.stop();
  on_drained_();
}

// A pipe that is ready takes PIPE_BUF bytes without blocking. False if the sink closed.
bool Sink::write_some() {
  const std::size_t left = queue_.size() - written_;
  const std::size_t size = watch_.always_ready() ? left : std::min<std::size_t>(left, PIPE_BUF);
  const ssize_t written = ::write(fd_, queue_.data() + written_, size);
  if (written >= 0) {
    written_ += static_cast<std::size_t>(written);
    return true;
  }
  if (errno == EINTR || errno == EAGAIN) return true;
  const int error = errno;
  close();
  on_failed_(error);
  return false;
}

OutputCopy::OutputCopy(uv_loop_t* loop, Client& client, std::function<void(int code)> on_failed)
    : client_(client),
      on_failed_(std::move(on_failed)),
      out_(
          loop, STDOUT_FILENO, [this] { follow(); }, [this](int error) { failed(error); }),
      err_(
          loop, STDERR_FILENO, [this] { follow(); }, [this](int error) { failed(error); }) {}

void OutputCopy::write(const net::Output& output) {
  (output.stream == 2 ? err_ : out_).write(output.bytes);
  follow();
}

void OutputCopy::failed(int error) {
  if (std::exchange(failed_, true)) return;
  out_.close();
  err_.close();
  follow();
  on_failed_(output_failed(error));
}

void OutputCopy::follow() {
  if (paused_ == !drained()) return;
  paused_ = !drained();
  if (paused_) {
    client_.pause();
  } else {
    client_.resume();
  }
}

}  // namespace peerctl
