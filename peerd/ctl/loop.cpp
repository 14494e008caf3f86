#include "peerd/ctl/loop.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cassert>
#include <utility>

namespace peerctl {
namespace {

template <typename Handle>
uv_handle_t* as_handle(Handle* handle) {
  return reinterpret_cast<uv_handle_t*>(handle);
}

template <typename State>
void close_and_delete(State* state) {
  state->handle.data = state;
  uv_close(as_handle(&state->handle),
           [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
}

void must(int result) {
  assert(result == 0);
  static_cast<void>(result);
}

}  // namespace

Loop::Loop() {
  must(uv_loop_init(&loop_));
}

Loop::~Loop() {
  while (uv_run(&loop_, UV_RUN_ONCE) != 0) {
  }
  must(uv_loop_close(&loop_));
}

void Loop::run_until(const std::function<bool()>& done) {
  while (!done()) {
    const bool more = uv_run(&loop_, UV_RUN_ONCE) != 0;
    assert(more || done());
    static_cast<void>(more);
  }
}

struct Timer::State {
  uv_timer_t handle{};
  std::function<void()> on_due;
};

Timer::Timer(uv_loop_t* loop, std::function<void()> on_due) : state_(new State) {
  state_->on_due = std::move(on_due);
  must(uv_timer_init(loop, &state_->handle));
  state_->handle.data = state_;
}

Timer::~Timer() {
  close_and_delete(state_);
}

void Timer::start(std::uint64_t first_ms, std::uint64_t repeat_ms) {
  uv_update_time(state_->handle.loop);
  must(uv_timer_start(
      &state_->handle, [](uv_timer_t* timer) { static_cast<State*>(timer->data)->on_due(); },
      first_ms, repeat_ms));
}

void Timer::stop() {
  must(uv_timer_stop(&state_->handle));
}

struct SignalWatch::State {
  uv_signal_t handle{};
  std::function<void()> on_signal;
};

SignalWatch::SignalWatch(uv_loop_t* loop, int signal, std::function<void()> on_signal)
    : state_(new State) {
  state_->on_signal = std::move(on_signal);
  must(uv_signal_init(loop, &state_->handle));
  state_->handle.data = state_;
  must(uv_signal_start(
      &state_->handle,
      [](uv_signal_t* handle, int) { static_cast<State*>(handle->data)->on_signal(); }, signal));
}

SignalWatch::~SignalWatch() {
  close_and_delete(state_);
}

// The descriptor sits in an epoll set of its own, and libuv watches that set: what libuv makes
// non-blocking is the set.
struct ReadyWatch::State {
  uv_poll_t handle{};
  int set = -1;
  std::function<void()> on_ready;
  ~State() { ::close(set); }
};

ReadyWatch::ReadyWatch(uv_loop_t* loop, int fd, For what, std::function<void()> on_ready)
    : fd_(fd), what_(what) {
  const int set = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = what == For::reading ? EPOLLIN : EPOLLOUT;
  if (set < 0 || ::epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0) {
    if (set >= 0) ::close(set);
    return;  // plain files refuse: they never block
  }
  state_ = new State;
  state_->set = set;
  state_->on_ready = std::move(on_ready);
  must(uv_poll_init(loop, &state_->handle, set));
  state_->handle.data = state_;
}

ReadyWatch::~ReadyWatch() {
  if (state_ != nullptr) close_and_delete(state_);
}

bool ReadyWatch::ready_now() const {
  if (always_ready()) return true;
  pollfd poll{fd_, static_cast<short>(what_ == For::reading ? POLLIN : POLLOUT), 0};
  return ::poll(&poll, 1, 0) > 0;
}

void ReadyWatch::start() {
  assert(state_ != nullptr);
  must(uv_poll_start(&state_->handle, UV_READABLE, [](uv_poll_t* handle, int, int) {
    static_cast<State*>(handle->data)->on_ready();
  }));
}

void ReadyWatch::stop() {
  if (state_ != nullptr) must(uv_poll_stop(&state_->handle));
}

}  // namespace peerctl
