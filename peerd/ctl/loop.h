// libuv's handles as values: they close themselves and call back functions.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace peerctl {

// Must outlive everything that is made on it.
class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  uv_loop_t* get() { return &loop_; }
  // Turns until `done` says so; requires that something is still awaited until then.
  void run_until(const std::function<bool()>& done);

 private:
  uv_loop_t loop_;
};

class Timer {
 public:
  Timer(uv_loop_t* loop, std::function<void()> on_due);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void start(std::uint64_t first_ms, std::uint64_t repeat_ms);  // repeat 0: once
  void stop();

 private:
  struct State;
  State* state_;  // freed by libuv's close callback
};

// Catches a signal for as long as it lives.
class SignalWatch {
 public:
  SignalWatch(uv_loop_t* loop, int signal, std::function<void()> on_signal);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  struct State;
  State* state_;
};

// Says when a descriptor may be read or written without blocking. The descriptor may be shared with
// other processes (a terminal, a pipe) and is not made non-blocking, for it would be so for them.
class ReadyWatch {
 public:
  enum class For : std::uint8_t { reading, writing };

  ReadyWatch(uv_loop_t* loop, int fd, For what, std::function<void()> on_ready);
  ~ReadyWatch();
  ReadyWatch(const ReadyWatch&) = delete;
  ReadyWatch& operator=(const ReadyWatch&) = delete;

  bool always_ready() const { return state_ == nullptr; }  // a plain file
  bool ready_now() const;
  void start();  // on_ready comes again and again until stop()
  void stop();

 private:
  struct State;
  int fd_;
  For what_;
  State* state_ = nullptr;
};

}  // namespace peerctl
