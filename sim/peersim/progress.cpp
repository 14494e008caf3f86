#include "sim/peersim/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <utility>

namespace peersim {
namespace {

constexpr int kWidth = 40;
std::mutex terminal;

}  // namespace

ProgressBar::ProgressBar(std::string what)
    : what_(std::move(what)), on_terminal_(::isatty(STDERR_FILENO) != 0) {}

ProgressBar::~ProgressBar() {
  if (shown_ >= 0) std::fputs("\r\x1b[K", stderr);
}

sim::Progress ProgressBar::progress() {
  if (!on_terminal_) return nullptr;
  return [this](double share) { show(share); };
}

void ProgressBar::show(double share) {
  const std::lock_guard lock(terminal);
  const int percent = static_cast<int>(share * 100);
  if (percent == shown_) return;
  shown_ = percent;
  const auto full = static_cast<std::size_t>(percent * kWidth / 100);
  const std::string bar = std::string(full, '#') + std::string(kWidth - full, '.');
  fmt::print(stderr, "\r{} [{}] {:3} %", what_, bar, percent);
  std::fflush(stderr);
}

}  // namespace peersim
