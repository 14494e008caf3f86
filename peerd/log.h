// What happens, one line per event, on standard error: "2026-01-31T12:00:00.123Z warning: text".
// Under systemd's journal, which knows the time itself, "<4>text" instead.
//
// Never fails: what cannot be written is lost.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace peerd {

enum class Level : std::uint8_t { error, warning, info, debug };

class Log {
 public:
  enum class Style : std::uint8_t { timed, journal };
  using Clock = std::function<std::int64_t()>;  // microseconds since 1970, UTC

  static constexpr std::size_t kMaxLineBytes = 4096;
  // limited(): within a window each of so many keys may write so many lines.
  static constexpr std::int64_t kWindowUs = 60'000'000;
  static constexpr std::uint32_t kLinesPerKey = 5;
  static constexpr std::size_t kMaxKeys = 256;

  Log();  // standard error, in the style that it wants
  Log(int fd, Style style, Clock clock);
  ~Log();  // says how many lines were suppressed
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Requires one of "error", "warning", "info", "debug".
  void set_level(std::string_view name);
  void set_level(Level level) { level_ = level; }
  bool writes(Level level) const { return level <= level_; }

  template <typename... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::error, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::warning, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::info, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::debug, format, std::forward<Args>(args)...);
  }
  // For what others can provoke at will: a peer that sends nonsense must not fill the disk. Lines
  // of one key ("bad datagram from 192.0.2.1") beyond the limit are counted instead, and the count
  // is told when the window has ended. All keys beyond kMaxKeys share one.
  void limited(Level level, const std::string& key, std::string_view text);

  // The text as it is, made one line.
  void line(Level level, std::string_view text);

 private:
  struct Tally {
    std::uint32_t written = 0;
    std::uint64_t suppressed = 0;
    Level level = Level::debug;  // the most severe so far
  };

  template <typename... Args>
  void write(Level level, fmt::format_string<Args...> format, Args&&... args) {
    if (writes(level)) line(level, fmt::format(format, std::forward<Args>(args)...));
  }
  void end_window();

  int fd_;
  Style style_;
  Clock clock_;
  Level level_ = Level::info;
  std::int64_t window_start_us_ = 0;
  std::map<std::string, Tally> tallies_;
};

// The style that the descriptor wants: `journal` if it is the stream that systemd's journal reads.
Log::Style style_of(int fd);

}  // namespace peerd
