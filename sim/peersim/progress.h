// A progress bar on standard error, if that is a terminal; else nothing.
#pragma once

#include <string>

#include "sim/experiment.h"

namespace peersim {

// May be called from several threads. The bar is gone when the share reaches 1 or it is destroyed.
class ProgressBar {
 public:
  explicit ProgressBar(std::string what);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // None where there is no terminal.
  sim::Progress progress();

 private:
  void show(double share);

  std::string what_;
  bool on_terminal_;
  int shown_ = -1;
};

}  // namespace peersim
