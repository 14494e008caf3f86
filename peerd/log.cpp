#include "peerd/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>
#include <ctime>

namespace peerd {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"error", "warning", "info", "debug"};
constexpr std::array<int, 4> kJournalPriorities = {3, 4, 6, 7};  // as syslog counts
constexpr char kOtherKeys[] = "others";

std::size_t index(Level level) {
  return static_cast<std::size_t>(level);
}

std::int64_t wall_clock_us() {
  timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

std::string timestamp(std::int64_t now_us) {
  const std::time_t seconds = now_us / 1'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     now_us / 1'000 % 1'000);
}

// Control characters would break the line, or a terminal.
std::string clean(std::string_view text) {
  std::string one_line(text.substr(0, Log::kMaxLineBytes));
  if (text.size() > Log::kMaxLineBytes) one_line += "...";
  for (char& c : one_line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = ' ';
  }
  return one_line;
}

}  // namespace

// The journal's stream is named by device and inode: an inherited variable says nothing about a
// standard error that was redirected since.
Log::Style style_of(int fd) {
  const char* journal = std::getenv("JOURNAL_STREAM");
  struct stat status;
  if (journal == nullptr || ::fstat(fd, &status) != 0) return Log::Style::timed;
  const bool same = journal == fmt::format("{}:{}", status.st_dev, status.st_ino);
  return same ? Log::Style::journal : Log::Style::timed;
}

Log::Log() : Log(STDERR_FILENO, style_of(STDERR_FILENO), wall_clock_us) {}

Log::Log(int fd, Style style, Clock clock) : fd_(fd), style_(style), clock_(std::move(clock)) {}

Log::~Log() {
  end_window();
}

void Log::set_level(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  assert(found != kNames.end());
  level_ = static_cast<Level>(found - kNames.begin());
}

void Log::line(Level level, std::string_view text) {
  if (!writes(level)) return;
  const std::string whole =
      style_ == Style::journal
          ? fmt::format("<{}>{}\n", kJournalPriorities[index(level)], clean(text))
          : fmt::format("{} {}: {}\n", timestamp(clock_()), kNames[index(level)], clean(text));
  // One write, so that lines of several processes do not mix.
  [[maybe_unused]] const ssize_t written = ::write(fd_, whole.data(), whole.size());
}

void Log::limited(Level level, const std::string& key, std::string_view text) {
  if (!writes(level)) return;
  const std::int64_t now_us = clock_();
  const std::int64_t age_us = now_us - window_start_us_;
  if (age_us < 0 || age_us >= kWindowUs) {
    end_window();
    window_start_us_ = now_us;
  }
  const bool known = tallies_.size() < kMaxKeys || tallies_.contains(key);
  Tally& tally = tallies_[known ? key : kOtherKeys];
  tally.level = std::min(tally.level, level);
  if (tally.written == kLinesPerKey) {
    ++tally.suppressed;
    return;
  }
  ++tally.written;
  line(level, text);
}

void Log::end_window() {
  for (const auto& [key, tally] : tallies_) {
    if (tally.suppressed == 0) continue;
    line(tally.level, fmt::format("{}: {} more lines suppressed", key, tally.suppressed));
  }
  tallies_.clear();
}

}  // namespace peerd
