// A bar on stderr while many tasks are submitted and waited for; nothing at all if stderr is no
// terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace peerctl {

struct ProgressFigures {
  const char* doing = "submitting";
  std::uint64_t count = 0;  // tasks so far
  std::uint64_t total = 0;  // 0: not known
  std::uint64_t failed = 0;
  std::uint32_t thousandths = 0;  // of the work
  bool thousandths_known = false;
  std::uint64_t elapsed_ms = 0;
};

// At most `width` columns, no line end.
std::string progress_line(const ProgressFigures& figures, std::size_t width);

class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar();  // leaves a clean line
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  bool visible() const { return terminal_; }
  void draw(const ProgressFigures& figures);
  void clear();  // before anything else is printed

 private:
  bool terminal_;
  bool drawn_ = false;
};

}  // namespace peerctl
