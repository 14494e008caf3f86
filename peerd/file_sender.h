// Sends files over a stream, one after another, in chunks, no faster than the other side takes
// them.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/transport.h"

namespace peerd {

struct FileToSend {
  std::uint32_t index = 0;
  std::string path;
};

class FileSender {
 public:
  static constexpr std::size_t kMaxPendingBytes = 1 << 20;

  // `on_done` comes from the loop, with an empty text or why a file could not be read. `stream`
  // must outlive this object; call on_drained() from its callback.
  FileSender(uv_loop_t* loop, net::FrameStream& stream, std::vector<FileToSend> files,
             std::function<void(const std::string& error)> on_done);
  ~FileSender();

  void on_drained();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace peerd
