// Progress on standard error: a bar on a terminal; elsewhere now and then a plain line, and none of
// what is soon over.
#pragma once

#include <chrono>
#include <string>

#include "sim/experiment.h"

namespace peersim {

// May be called from several threads. A bar is gone when it is destroyed.
class ProgressBar {
 public:
  // A line comes with every tenth that begins, but `pause` after the last one at the earliest.
  explicit ProgressBar(std::string what,
                       std::chrono::milliseconds pause = std::chrono::seconds(10));
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  sim::Progress progress();

 private:
  using Clock = std::chrono::steady_clock;

  void show(double share);
  void draw(int percent);
  void tell(int percent);

  std::string what_;
  std::chrono::milliseconds pause_;
  bool on_terminal_;
  int shown_ = -1;
  Clock::time_point told_at_ = Clock::now();
};

}  // namespace peersim
