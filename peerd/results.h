// What a task prints and leaves, on its way from its owner to its home node, from both ends.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/types.h"
#include "net/task_spec.h"
#include "net/transport.h"
#include "peerd/chunk_writer.h"
#include "peerd/file_copy.h"
#include "peerd/file_sender.h"
#include "peerd/lifetime.h"
#include "peerd/timer.h"
#include "peerd/unique_fd.h"

namespace peerd {

// Follows stdout and stderr while the task runs; sends the outputs when it has ended. A connection
// that breaks is tried again, from the beginning: the home node skips what it has.
class ResultsSender {
 public:
  static constexpr core::Duration kFollowInterval = 100 * core::kMillisecond;
  static constexpr core::Duration kReconnectInterval = core::kSecond;

  // `error`: the home node could not be given the results. `failure`: it has them, but could not
  // put them where its user wants them.
  using OnDone = std::function<void(const std::string& error, const std::string& failure)>;
  using TakeTrace = std::function<std::vector<std::string>()>;
  // The home node has refused what it was sent of a task that still runs: no more of its output is
  // wanted.
  using OnRefused = std::function<void(const std::string& failure)>;

  ResultsSender(uv_loop_t* loop, const core::Endpoint& home, const net::StreamHello& hello,
                const std::string& stdout_path, const std::string& stderr_path,
                TakeTrace take_trace, OnRefused on_refused);

  // The task has ended: sends the rest, outputs that exist included. `on_done` comes once per call.
  void finish(const core::Endpoint& home, const net::StreamEnding& ending,
              std::vector<FileToSend> outputs, OnDone on_done);

 private:
  struct Followed {
    std::string path;
    UniqueFd file;
    std::uint64_t offset = 0;
  };

  void connect();
  void follow();
  bool pump(std::uint32_t index);
  void send_rest();
  void on_frame(const net::Bytes& frame);
  void broken(const std::string& error);
  void done(const std::string& error, const std::string& failure);

  uv_loop_t* loop_;
  core::Endpoint home_;
  net::StreamHello hello_;
  Followed followed_[2];
  TakeTrace take_trace_;
  OnRefused on_refused_;
  bool refused_ = false;            // of this connection's output nothing more is read
  std::vector<std::string> trace_;  // taken and not yet known to be at home
  std::size_t trace_sent_ = 0;
  bool finishing_ = false;
  net::StreamEnding ending_;
  std::vector<FileToSend> outputs_;
  OnDone on_done_;
  Timer timer_;
  std::unique_ptr<net::FrameStream> stream_;
  std::unique_ptr<FileSender> files_;
};

class ResultsReceiver {
 public:
  struct Target {
    std::string stdout_path;
    std::string stderr_path;
    std::vector<net::FileSpec> outputs;  // by index - 2
    std::vector<std::string> arriving;   // where each lies until its user has it
    std::uint64_t max_output_bytes = 0;  // of stdout, of stderr
    std::uint64_t max_task_bytes = 0;    // of all outputs
    bool wanted = true;  // false: nobody remembers the task; everything is taken and dropped
  };
  struct Arrival {
    std::string error;    // the stream broke: the owner will try again
    std::string failure;  // outputs or output could not be stored
    net::StreamEnding ending;
  };
  using OnTrace = std::function<void(const std::vector<std::string>& lines)>;
  // As soon as it is known; `on_done` repeats it.
  using OnFailure = std::function<void(const std::string& failure)>;
  using OnDone = std::function<void(const Arrival&)>;
  // Gives whole outputs to their user; `placed` comes later, with what went wrong.
  using Placed = std::function<void(const std::string& error)>;
  using Place = std::function<void(const std::vector<CopiedFile>& files, Placed placed)>;

  ResultsReceiver(uv_loop_t* loop, std::unique_ptr<net::FrameStream> stream, Target target,
                  OnTrace on_trace, OnFailure on_failure, Place place, OnDone on_done);
  ~ResultsReceiver();

 private:
  struct Output {
    bool comes = false;
    std::uint64_t size = 0;
    std::uint64_t received = 0;
  };

  void on_frame(const net::Bytes& bytes);
  void on(const net::StreamFile& frame);
  void on(net::StreamChunk frame);
  void on(const net::StreamTrace& frame);
  void on(const net::StreamEnding& frame);
  void on(const net::StreamEnd&);
  template <typename Other>
  void on(const Other&) {
    finish("unexpected frame among results");
  }
  void append(std::uint32_t index, net::StreamChunk frame);
  void store(const std::string& path, std::uint32_t mode, bool truncate, std::uint64_t offset,
             std::vector<std::uint8_t> bytes, const std::string& what);
  void failed(const std::string& failure);
  void complete();
  void place_outputs();
  void drop_outputs() const;
  void answer();
  void finish(const std::string& error);

  Target target_;
  OnTrace on_trace_;
  OnFailure on_failure_;
  Place place_;
  OnDone on_done_;
  Arrival arrival_;
  std::uint64_t have_[2] = {};  // bytes of stdout and stderr that are stored
  std::uint64_t output_bytes_ = 0;
  std::vector<Output> outputs_;
  std::unique_ptr<net::FrameStream> stream_;
  ChunkWriter writer_;
  Lifetime lifetime_;
};

}  // namespace peerd
