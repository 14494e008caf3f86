// A signal as a callback on the loop.
#pragma once

#include <uv.h>

#include <functional>
#include <utility>

namespace peerd {

class SignalHandle {
 public:
  SignalHandle(uv_loop_t* loop, int number, std::function<void()> on_signal)
      : state_(new State{{}, std::move(on_signal)}) {
    uv_signal_init(loop, &state_->handle);
    state_->handle.data = state_;
    uv_signal_start(
        &state_->handle,
        [](uv_signal_t* handle, int) { static_cast<State*>(handle->data)->on_signal(); }, number);
  }
  ~SignalHandle() {
    uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle),
             [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
  }
  SignalHandle(const SignalHandle&) = delete;
  SignalHandle& operator=(const SignalHandle&) = delete;

 private:
  struct State {
    uv_signal_t handle;
    std::function<void()> on_signal;
  };
  State* state_;
};

}  // namespace peerd
