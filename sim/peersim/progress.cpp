#include "sim/peersim/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <utility>

namespace peersim {
namespace {

constexpr int kWidth = 40;
std::mutex output;

}  // namespace

ProgressBar::ProgressBar(std::string what, std::chrono::milliseconds pause)
    : what_(std::move(what)), pause_(pause), on_terminal_(::isatty(STDERR_FILENO) != 0) {}

ProgressBar::~ProgressBar() {
  if (on_terminal_ && shown_ >= 0) std::fputs("\r\x1b[K", stderr);
}

sim::Progress ProgressBar::progress() {
  return [this](double share) { show(share); };
}

void ProgressBar::show(double share) {
  const std::lock_guard lock(output);
  const int percent = static_cast<int>(share * 100);
  on_terminal_ ? draw(percent) : tell(percent);
}

void ProgressBar::draw(int percent) {
  if (percent == shown_) return;
  shown_ = percent;
  const auto full = static_cast<std::size_t>(percent * kWidth / 100);
  const std::string bar = std::string(full, '#') + std::string(kWidth - full, '.');
  fmt::print(stderr, "\r{} [{}] {:3} %", what_, bar, percent);
  std::fflush(stderr);
}

void ProgressBar::tell(int percent) {
  if (percent / 10 <= shown_ / 10 || percent >= 100) return;
  const Clock::time_point now = Clock::now();
  if (now - told_at_ < pause_) return;
  shown_ = percent;
  told_at_ = now;
  fmt::print(stderr, "{}: {} %\n", what_, percent);
}

}  // namespace peersim
