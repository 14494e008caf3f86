// A running task on its way to another peer, from both ends. Whether it can go on there is settled
// first, so that a refusal costs no freeze; then its image passes from executor to executor,
// through both peers, at the pace of the slowest.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/types.h"
#include "net/task_spec.h"
#include "net/transport.h"
#include "peerd/executor_client.h"
#include "peerd/image_pipe.h"
#include "peerd/pacer.h"
#include "peerd/timer.h"

namespace peerd {

// Until the sender says that it is done the stay runs, is being frozen or is stopped: if it is
// given up, and when its object is destroyed, the caller resumes the stay.
class ImageSender {
 public:
  struct Result {
    std::string error;       // empty: the destination has the task, stopped, as it is here
    bool immovable = false;  // it cannot be moved, here or elsewhere
    net::executor::Moved dump;
  };
  using OnDone = std::function<void(const Result&)>;  // later; may destroy this

  ImageSender(uv_loop_t* loop, ExecutorClient& executor, const ExecutorClient::Key& stay,
              const std::string& fifo, const core::Endpoint& to, const net::StreamHello& hello,
              const net::TaskSpec& spec, const std::vector<std::string>& trace, Pacer& pacer,
              OnDone on_done);
  ~ImageSender();

 private:
  void inspected(const net::executor::Inspected& inspected);
  void connect(const std::string& files);
  void on_frame(const net::Bytes& frame);
  void freeze();
  void frozen(const net::executor::Moved& moved);
  void send_image(std::span<const std::uint8_t> bytes);
  void image_sent();
  void drained();
  void go_on_reading();
  void done(const std::string& error, bool immovable = false);

  uv_loop_t* loop_;
  ExecutorClient& executor_;
  ExecutorClient::Key stay_;
  std::string fifo_;
  core::Endpoint to_;
  net::StreamHello hello_;
  net::TaskSpec spec_;
  std::vector<std::string> trace_;
  Pacer& pacer_;
  Timer pause_;
  bool paused_ = false;  // for the rate's sake
  OnDone on_done_;
  Result result_;
  std::unique_ptr<net::FrameStream> stream_;
  std::unique_ptr<ImagePipe> pipe_;
};

class ImageReceiver {
 public:
  struct Arrival {
    std::string error;  // empty: the task is here, stopped
    net::TaskSpec spec;
    std::vector<std::string> trace;
    net::StreamFrozen frozen;
    net::executor::Moved restore;
    core::Time begun = 0;  // when the source was told to freeze it, by monotonic_now()
  };
  using OnDone = std::function<void(Arrival)>;  // later; may destroy this
  // Whom it must run as here.
  using UserOf = std::function<net::UserNumber(const net::TaskSpec&)>;

  // Takes over a stream whose Hello has been read. `place`: everything but the user; its directory
  // does not exist yet.
  ImageReceiver(uv_loop_t* loop, ExecutorClient& executor, const ExecutorClient::Key& stay,
                std::unique_ptr<net::FrameStream> stream, net::executor::Restore place,
                UserOf user_of, OnDone on_done);
  ~ImageReceiver();

 private:
  void on_frame(net::Bytes bytes);
  void on(net::StreamSpec frame);
  void on(const net::StreamTrace& frame);
  void on(const net::StreamNeeds& frame);
  void receive_image(net::Bytes frame, std::size_t size);
  void on(const net::StreamFrozen& frame) { arrival_.frozen = frame; }
  void on(const net::StreamEnd&);
  template <typename Other>
  void on(const Other&) {
    fail("unexpected frame in a running task's bundle");
  }
  void begin();
  void restored(const net::executor::Moved& moved);
  void take_over();
  void fail(const std::string& error);
  void fail_when_heard(const std::string& error);
  void finish(const std::string& error);

  uv_loop_t* loop_;
  ExecutorClient& executor_;
  ExecutorClient::Key stay_;
  net::executor::Restore place_;
  UserOf user_of_;
  OnDone on_done_;
  bool has_spec_ = false;
  bool restored_ = false;
  std::string failure_;  // that the source is being told of
  Arrival arrival_;
  std::unique_ptr<net::FrameStream> stream_;
  std::unique_ptr<ImagePipe> pipe_;
};

}  // namespace peerd
