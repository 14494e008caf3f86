#include "peerd/ctl/lines.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace peerctl {
namespace {

constexpr std::size_t kReadBytes = 64 << 10;

bool is_blank(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\r';
}

// Reads one word, quotes and all, from the front of `rest`. False if a quote is not closed.
bool take_word(std::string_view& rest, std::string& word) {
  char quote = 0;
  for (; !rest.empty(); rest.remove_prefix(1)) {
    const char byte = rest[0];
    if (quote == 0 && is_blank(byte)) return true;
    if (byte == quote) {
      quote = 0;
    } else if (quote == 0 && (byte == '\'' || byte == '"')) {
      quote = byte;
    } else if (byte == '\\' && quote != '\'') {
      if (rest.size() == 1) return false;
      const char next = rest[1];
      const bool quotes = quote == 0 || std::string_view("\"\\$`").find(next) != std::string::npos;
      if (!quotes) word += byte;
      word += next;
      rest.remove_prefix(1);
    } else {
      word += byte;
    }
  }
  return quote == 0;
}

}  // namespace

Result<Words> split_words(std::string_view line) {
  Words words;
  while (true) {
    while (!line.empty() && is_blank(line[0])) line.remove_prefix(1);
    if (line.empty()) return words;
    std::string word;
    if (!take_word(line, word)) {
      return Problem{kExitDataError,
                     "a quote is opened and not closed, or a lone \\ ends the line"};
    }
    words.push_back(std::move(word));
  }
}

bool is_blank_or_comment(std::string_view line) {
  while (!line.empty() && is_blank(line[0])) line.remove_prefix(1);
  return line.empty() || line[0] == '#';
}

void LineCutter::append(std::string_view bytes) {
  buffer_.erase(0, consumed_);
  scanned_ -= consumed_;
  consumed_ = 0;
  buffer_ += bytes;
}

std::optional<Line> LineCutter::next() {
  const std::size_t end = buffer_.find('\n', scanned_);
  if (end != std::string::npos) return take(end);
  scanned_ = buffer_.size();
  if (buffer_.size() - consumed_ > kMaxLineBytes) {
    skipping_ = true;
    consumed_ = buffer_.size();
  }
  if (finished_ && (consumed_ < buffer_.size() || skipping_)) return take(buffer_.size());
  return std::nullopt;
}

Line LineCutter::take(std::size_t end) {
  Line line;
  line.number = ++number_;
  line.too_long = std::exchange(skipping_, false) || end - consumed_ > kMaxLineBytes;
  if (!line.too_long) line.text = buffer_.substr(consumed_, end - consumed_);
  consumed_ = end < buffer_.size() ? end + 1 : end;
  scanned_ = consumed_;
  return line;
}

Result<std::unique_ptr<LineSource>> LineSource::open(uv_loop_t* loop, const std::string& path,
                                                     std::function<void()> on_more) {
  const bool is_stdin = path == "-";
  const int fd = is_stdin ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return Problem{kExitNoInput, fmt::format("--from {}: {}", path, std::strerror(errno))};
  }
  return std::unique_ptr<LineSource>(
      new LineSource(loop, fd, is_stdin ? "stdin" : path, std::move(on_more)));
}

LineSource::LineSource(uv_loop_t* loop, int fd, std::string name, std::function<void()> on_more)
    : fd_(fd),
      name_(std::move(name)),
      on_more_(std::move(on_more)),
      watch_(loop, fd, ReadyWatch::For::reading, [this] {
        watch_.stop();
        on_more_();
      }) {
  struct stat status {};
  if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
}

LineSource::~LineSource() {
  if (fd_ != STDIN_FILENO) ::close(fd_);
}

std::optional<Line> LineSource::next() {
  while (true) {
    if (std::optional<Line> line = cutter_.next()) return line;
    if (finished_) {
      at_end_ = true;
      return std::nullopt;
    }
    if (!watch_.ready_now()) {
      watch_.start();
      return std::nullopt;
    }
    if (!read_more()) finished_ = true;
  }
}

// False at the end. Requires that reading does not block.
bool LineSource::read_more() {
  char bytes[kReadBytes];
  const ssize_t size = ::read(fd_, bytes, sizeof bytes);
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (size < 0) error_ = std::strerror(errno);
  if (size <= 0) {
    cutter_.finish();
    return false;
  }
  read_bytes_ += static_cast<std::uint64_t>(size);
  cutter_.append(std::string_view(bytes, static_cast<std::size_t>(size)));
  return true;
}

}  // namespace peerctl
