// Task lists: one task a line, words as a shell would have them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "peerd/ctl/exits.h"
#include "peerd/ctl/loop.h"
#include "peerd/ctl/options.h"

namespace peerctl {

constexpr std::size_t kMaxLineBytes = 1 << 20;

// Words between blanks; '...' takes all literally, in "..." a backslash quotes " \ $ and `, outside
// it quotes anything. Nothing is expanded.
Result<Words> split_words(std::string_view line);
bool is_blank_or_comment(std::string_view line);  // first word begins with '#'

struct Line {
  std::size_t number = 0;  // from 1
  std::string text;        // without its end
  bool too_long = false;   // beyond kMaxLineBytes: `text` is empty
};

// Cuts bytes into lines. Holds at most one line and what was appended last.
class LineCutter {
 public:
  void append(std::string_view bytes);
  void finish() { finished_ = true; }  // what is left is the last line
  std::optional<Line> next();

 private:
  Line take(std::size_t end);

  std::string buffer_;
  std::size_t consumed_ = 0;
  std::size_t scanned_ = 0;  // no line end before it
  std::size_t number_ = 0;
  bool skipping_ = false;  // the rest of a line that is too long
  bool finished_ = false;
};

// The lines of a file, or of stdin as they come.
class LineSource {
 public:
  // "-" is stdin. on_more comes after next() had nothing although the end was not reached.
  static Result<std::unique_ptr<LineSource>> open(uv_loop_t* loop, const std::string& path,
                                                  std::function<void()> on_more);
  ~LineSource();
  LineSource(const LineSource&) = delete;
  LineSource& operator=(const LineSource&) = delete;

  std::optional<Line> next();
  bool at_end() const { return at_end_; }              // and next() has nothing any more
  const std::string& error() const { return error_; }  // why the end came early
  const std::string& name() const { return name_; }    // for FILE:LINE
  std::uint64_t read_bytes() const { return read_bytes_; }
  std::uint64_t size() const { return size_; }  // 0: not known

 private:
  LineSource(uv_loop_t* loop, int fd, std::string name, std::function<void()> on_more);
  bool read_more();

  int fd_;
  std::string name_;
  std::function<void()> on_more_;
  ReadyWatch watch_;
  LineCutter cutter_;
  std::string error_;
  std::uint64_t read_bytes_ = 0;
  std::uint64_t size_ = 0;
  bool finished_ = false;
  bool at_end_ = false;
};

}  // namespace peerctl
