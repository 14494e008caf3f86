#include "peerd/lease_guard.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <vector>

#include "peerd/clock.h"

namespace peerd {

// libuv wants the handle's memory until it has closed.
struct LeaseGuard::Clock {
  uv_poll_t poll{};
  int fd = -1;
  LeaseGuard* guard = nullptr;
};

LeaseGuard::LeaseGuard(uv_loop_t* loop, OnChange on_change)
    : on_change_(std::move(on_change)), clock_(new Clock) {
  clock_->guard = this;
  clock_->fd = ::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  assert(clock_->fd >= 0);
  const int failed = uv_poll_init(loop, &clock_->poll, clock_->fd);
  assert(failed == 0);
  clock_->poll.data = clock_;
  uv_poll_start(&clock_->poll, UV_READABLE, [](uv_poll_t* poll, int, int) {
    const auto* clock = static_cast<Clock*>(poll->data);
    std::uint64_t times = 0;
    const ssize_t got = ::read(clock->fd, &times, sizeof times);
    if (got > 0 && clock->guard != nullptr) clock->guard->look();
  });
  uv_unref(reinterpret_cast<uv_handle_t*>(&clock_->poll));
}

LeaseGuard::~LeaseGuard() {
  clock_->guard = nullptr;
  uv_poll_stop(&clock_->poll);
  uv_close(reinterpret_cast<uv_handle_t*>(&clock_->poll), [](uv_handle_t* handle) {
    auto* clock = static_cast<Clock*>(handle->data);
    ::close(clock->fd);
    delete clock;
  });
}

void LeaseGuard::set(const Key& stay, core::Time until) {
  Lease& lease = leases_[stay];
  const bool was_out = lease.out;
  lease.until = until;
  lease.out = until <= monotonic_now();
  const bool out = lease.out;
  if (until == core::kNever) leases_.erase(stay);
  arm();
  if (out != was_out) on_change_(stay, !out);
}

void LeaseGuard::forget(const Key& stay) {
  if (leases_.erase(stay) > 0) arm();
}

core::Time LeaseGuard::until(const Key& stay) const {
  const auto found = leases_.find(stay);
  return found == leases_.end() ? core::kNever : found->second.until;
}

bool LeaseGuard::may_run(const Key& stay) const {
  return until(stay) > monotonic_now();
}

void LeaseGuard::look() {
  std::vector<Key> out;
  for (auto& [stay, lease] : leases_) {
    if (lease.out || lease.until > monotonic_now()) continue;
    lease.out = true;
    out.push_back(stay);
  }
  arm();
  for (const Key& stay : out) on_change_(stay, false);
}

void LeaseGuard::arm() {
  core::Time next = core::kNever;
  for (const auto& [stay, lease] : leases_)
    if (!lease.out) next = std::min(next, lease.until);
  itimerspec at{};
  if (next != core::kNever) {
    at.it_value.tv_sec = next / core::kSecond;
    at.it_value.tv_nsec = next % core::kSecond * 1000 + 1;
  }
  const int failed = ::timerfd_settime(clock_->fd, TFD_TIMER_ABSTIME, &at, nullptr);
  assert(failed == 0);
}

}  // namespace peerd
