#include "peerd/ctl/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "peerd/ctl/text.h"

namespace peerctl {
namespace {

constexpr std::size_t kMinBarWidth = 10;
constexpr std::size_t kMaxBarWidth = 40;

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

void write_to_terminal(const std::string& text) {
  // A terminal that cannot be written to shows no progress; that is all.
  const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
  static_cast<void>(ignored);
}

std::string bar(std::uint32_t thousandths, std::size_t width) {
  const std::size_t full = width * std::min(thousandths, 1000u) / 1000;
  return "[" + std::string(full, '#') + std::string(width - full, '-') + "] ";
}

}  // namespace

std::string progress_line(const ProgressFigures& figures, std::size_t width) {
  const std::string front = std::string(figures.doing) + " ";
  std::string back = std::to_string(figures.count);
  if (figures.total > 0) back += fmt::format("/{}", figures.total);
  if (figures.thousandths_known) back += fmt::format(" {}%", figures.thousandths / 10);
  if (figures.failed > 0) back += fmt::format(" {} failed", figures.failed);
  const std::uint64_t elapsed_ms = std::max<std::uint64_t>(figures.elapsed_ms, 1);
  back += fmt::format(" {}/s", figures.count * 1000 / elapsed_ms);
  if (figures.thousandths_known && figures.thousandths > 0 && figures.thousandths < 1000) {
    const std::uint64_t left_ms =
        figures.elapsed_ms * (1000 - figures.thousandths) / figures.thousandths;
    back += fmt::format(" {} left", human_duration(static_cast<std::int64_t>(left_ms) * 1000));
  }
  const std::size_t taken = front.size() + back.size() + 3;
  const bool has_room = figures.thousandths_known && width >= taken + kMinBarWidth;
  const std::size_t bar_width = has_room ? std::min(width - taken, kMaxBarWidth) : 0;
  return clipped(front + (has_room ? bar(figures.thousandths, bar_width) : "") + back, width);
}

ProgressBar::ProgressBar() : terminal_(::isatty(STDERR_FILENO) != 0) {}

ProgressBar::~ProgressBar() {
  clear();
}

void ProgressBar::draw(const ProgressFigures& figures) {
  if (!terminal_) return;
  // The last column stays free: some terminals wrap when it is written.
  write_to_terminal("\r\x1b[K" + progress_line(figures, terminal_width() - 1));
  drawn_ = true;
}

void ProgressBar::clear() {
  if (!drawn_) return;
  write_to_terminal("\r\x1b[K");
  drawn_ = false;
}

}  // namespace peerctl
