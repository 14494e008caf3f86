// What peerctl itself writes: results to stdout, complaints to stderr, and a task's output to
// both as it comes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "net/control_frame.h"
#include "peerd/ctl/client.h"
#include "peerd/ctl/exits.h"
#include "peerd/ctl/loop.h"

namespace peerctl {

// To stdout, all of it, blocking. Returns kExitOk, or the code to exit with: kExitBrokenPipe in
// silence, kExitIoError after a complaint.
int print(std::string_view text);
// "peerctl: MESSAGE" to stderr, sanitized. Returns the problem's code.
int complain(const Problem& problem);
void remark(std::string_view message);  // the same for what is no problem

// Writes to a descriptor without ever blocking the loop for long.
class Sink {
 public:
  using OnDrained = std::function<void()>;
  using OnFailed = std::function<void(int error)>;  // errno; what is queued is dropped

  Sink(uv_loop_t* loop, int fd, OnDrained on_drained, OnFailed on_failed);

  void write(std::span<const std::uint8_t> bytes);
  bool drained() const { return written_ == queue_.size(); }
  void close();  // drops what is queued and all that comes

 private:
  void flush();
  bool write_some();

  int fd_;
  OnDrained on_drained_;
  OnFailed on_failed_;
  ReadyWatch watch_;
  std::vector<std::uint8_t> queue_;
  std::size_t written_ = 0;  // of queue_
  bool closed_ = false;
};

// Copies a task's Output frames to stdout and stderr; reads no more from the daemon while they
// cannot follow.
class OutputCopy {
 public:
  // on_failed comes at most once, with the code to exit with; nothing is written after it.
  OutputCopy(uv_loop_t* loop, Client& client, std::function<void(int code)> on_failed);

  void write(const net::Output& output);
  bool drained() const { return out_.drained() && err_.drained(); }

 private:
  void failed(int error);
  void follow();

  Client& client_;
  std::function<void(int)> on_failed_;
  Sink out_;
  Sink err_;
  bool paused_ = false;
  bool failed_ = false;
};

}  // namespace peerctl
