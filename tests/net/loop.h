// A libuv loop for tests: runs until a condition holds, fails after a generous bound instead of
// hanging, and checks at its end that every handle was closed.
#pragma once

#include <uv.h>

#include <cstdint>

#include "tests/catch.h"

namespace net {

class Loop {
 public:
  static constexpr std::uint64_t kWatchdog_ms = 30'000;

  Loop() {
    uv_loop_init(&loop_);
    uv_timer_init(&loop_, &watchdog_);
    uv_unref(reinterpret_cast<uv_handle_t*>(&watchdog_));
    watchdog_.data = this;
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  ~Loop() {
    CHECK(run_until([this] { return uv_loop_alive(&loop_) == 0; }));
    uv_close(reinterpret_cast<uv_handle_t*>(&watchdog_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop_) == 0);
  }

  operator uv_loop_t*() { return &loop_; }

  template <typename Condition>
  bool run_until(Condition condition) {
    expired_ = false;
    uv_timer_start(
        &watchdog_, [](uv_timer_t* timer) { static_cast<Loop*>(timer->data)->expired_ = true; },
        kWatchdog_ms, 0);
    while (!condition() && !expired_) uv_run(&loop_, UV_RUN_ONCE);
    uv_timer_stop(&watchdog_);
    return condition();
  }

  // Lets whatever is ready happen, to see that something does not.
  void turn(int times = 50) {
    for (int i = 0; i < times; ++i) uv_run(&loop_, UV_RUN_NOWAIT);
  }

 private:
  uv_loop_t loop_;
  uv_timer_t watchdog_;
  bool expired_ = false;
};

}  // namespace net
