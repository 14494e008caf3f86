// peerd's end of a FIFO through which a task's image comes from the executor, or goes to it; the
// pipe's own size bounds what is under way.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "peerd/unique_fd.h"

namespace peerd {

class ImagePipe {
 public:
  enum class Direction : std::uint8_t { from_executor, to_executor };
  struct Callbacks {
    std::function<void(std::span<const std::uint8_t>)> on_bytes;  // from_executor
    std::function<void()> on_end;      // from_executor: everything has come, after finish()
    std::function<void()> on_written;  // to_executor: the bytes of the last write
  };

  // Makes the FIFO. If that fails, error() says why.
  ImagePipe(uv_loop_t* loop, const std::string& path, Direction direction, Callbacks callbacks);
  ~ImagePipe();
  ImagePipe(const ImagePipe&) = delete;
  ImagePipe& operator=(const ImagePipe&) = delete;

  const std::string& path() const { return path_; }
  const std::string& error() const { return error_; }
  bool open() const { return error_.empty() && static_cast<bool>(other_end_); }  // not finished

  void pause();  // reading, and go on
  void resume();
  // So many bytes at the end of these. One at a time: the next after on_written.
  void write_end_of(std::vector<std::uint8_t> bytes, std::size_t size);
  // The executor has its end closed, or: nothing more will be written.
  void finish();

 private:
  struct State;
  std::string path_;
  std::string error_;
  UniqueFd other_end_;      // open until finish(): the executor may come later, and is no end
  State* state_ = nullptr;  // closes itself
};

}  // namespace peerd
