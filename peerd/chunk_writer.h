// Writes what a stream brings into files, off the loop; the stream waits meanwhile, and with it,
// through TCP, its sender.
#pragma once

#include <uv.h>

#include <functional>
#include <string>
#include <vector>

#include "net/transport.h"
#include "peerd/lifetime.h"

namespace peerd {

class ChunkWriter {
 public:
  using OnDone = std::function<void(const std::string& error)>;  // empty: well

  // `stream` must outlive this object.
  ChunkWriter(uv_loop_t* loop, net::FrameStream& stream) : loop_(loop), stream_(stream) {}

  // Each pauses the stream and resumes it before `on_done` comes; one at a time. `mode` is for a
  // file that does not exist yet; size 0 with `truncate` just creates it.
  void write(const std::string& path, std::uint32_t mode, bool truncate, std::uint64_t offset,
             std::vector<std::uint8_t> bytes, OnDone on_done);
  // Onto the disk: nothing is said to be safe before.
  void sync(std::vector<std::string> paths, OnDone on_done);

 private:
  void run(std::function<std::string()> work, OnDone on_done);

  uv_loop_t* loop_;
  net::FrameStream& stream_;
  Lifetime lifetime_;
};

}  // namespace peerd
