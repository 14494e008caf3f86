// A waiting task's files on their way to another peer, from both ends.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/types.h"
#include "net/task_spec.h"
#include "net/transport.h"
#include "peerd/chunk_writer.h"
#include "peerd/file_sender.h"

namespace peerd {

class BundleSender {
 public:
  using OnDone =
      std::function<void(const std::string& error)>;  // empty: the destination has it all

  // `stdin_path` is sent if the spec has a stdin; inputs lie under `directory` by their names.
  BundleSender(uv_loop_t* loop, const core::Endpoint& to, const net::StreamHello& hello,
               const net::TaskSpec& spec, const std::string& directory,
               const std::string& stdin_path, const std::vector<std::string>& trace,
               OnDone on_done);

 private:
  void files_sent(const std::string& error);
  void on_frame(const net::Bytes& frame);
  void done(const std::string& error);

  OnDone on_done_;
  std::unique_ptr<net::FrameStream> stream_;
  std::unique_ptr<FileSender> files_;
};

class BundleReceiver {
 public:
  struct Arrival {
    std::string error;  // empty: everything is on disk
    net::TaskSpec spec;
    std::vector<std::string> trace;
  };
  using OnDone = std::function<void(Arrival)>;

  // Takes over a stream whose Hello has been read. `max_bytes`: what the offer announced.
  BundleReceiver(uv_loop_t* loop, std::unique_ptr<net::FrameStream> stream,
                 const std::string& directory, const std::string& stdin_path,
                 std::uint64_t max_bytes, OnDone on_done);

 private:
  struct File {
    std::string path;
    std::uint64_t size = 0;
    std::uint64_t received = 0;
  };

  void on_frame(const net::Bytes& bytes);
  void on(const net::StreamSpec& frame);
  void on(const net::StreamFile& frame);
  void on(net::StreamChunk frame);
  void on(const net::StreamTrace& frame);
  void on(const net::StreamEnd&);
  template <typename Other>
  void on(const Other&) {
    fail("unexpected frame in a bundle");
  }
  std::optional<std::string> path_of(std::uint32_t index) const;
  void fail(const std::string& error);
  void finish(const std::string& error);

  OnDone on_done_;
  std::string directory_;
  std::string stdin_path_;
  std::uint64_t max_bytes_;
  std::uint64_t announced_bytes_ = 0;
  bool has_spec_ = false;
  Arrival arrival_;
  std::map<std::uint32_t, File> files_;
  std::unique_ptr<net::FrameStream> stream_;
  ChunkWriter writer_;
};

}  // namespace peerd
