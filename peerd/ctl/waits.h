// Waiting for many tasks at once, a bounded number of them asked for at any moment.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>

#include "net/control_frame.h"
#include "peerd/ctl/client.h"
#include "peerd/ctl/exits.h"

namespace peerctl {

constexpr std::size_t kWaitsAtOnce = 1024;

class WaitQueue {
 public:
  // `tag`: what add() was given.
  using OnEnd =
      std::function<void(std::size_t tag, const std::string& task, const Result<net::Ended>&)>;

  WaitQueue(Client& client, OnEnd on_end);

  void add(std::string task, std::size_t tag);
  std::size_t open() const { return queue_.size() + asked_; }

 private:
  struct Entry {
    std::string task;
    std::size_t tag;
  };
  void ask_next();
  void answered(const Entry& entry, const net::ControlBody& body);

  Client& client_;
  OnEnd on_end_;
  std::deque<Entry> queue_;
  std::size_t asked_ = 0;
};

}  // namespace peerctl
