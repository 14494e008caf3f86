// One libuv timer that cleans up after itself.
#pragma once

#include <uv.h>

#include <functional>
#include <utility>

#include "core/types.h"

namespace peerd {

class Timer {
 public:
  Timer(uv_loop_t* loop, std::function<void()> on_due) : state_(new State{{}, std::move(on_due)}) {
    uv_timer_init(loop, &state_->handle);
    state_->handle.data = state_;
  }
  ~Timer() {
    state_->on_due = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle),
             [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Rounded up to milliseconds: libuv's timers know no finer unit, and early would be once more.
  void start(core::Duration after, core::Duration repeat = 0) {
    uv_update_time(state_->handle.loop);
    uv_timer_start(&state_->handle, due, milliseconds(after), milliseconds(repeat));
  }
  bool active() const {
    return uv_is_active(reinterpret_cast<const uv_handle_t*>(&state_->handle)) != 0;
  }
  void stop() { uv_timer_stop(&state_->handle); }
  uv_loop_t* loop() const { return state_->handle.loop; }

 private:
  struct State {
    uv_timer_t handle;
    std::function<void()> on_due;
  };

  static std::uint64_t milliseconds(core::Duration duration) {
    return duration <= 0 ? 0 : static_cast<std::uint64_t>((duration + 999) / 1000);
  }
  static void due(uv_timer_t* handle) {
    const auto on_due = static_cast<State*>(handle->data)->on_due;
    if (on_due) on_due();
  }

  State* state_;
};

}  // namespace peerd
