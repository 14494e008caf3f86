// Accepts other peers' streams and finds out what each of them is.
#pragma once

#include <uv.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "net/stream_frame.h"
#include "net/transport.h"
#include "peerd/log.h"
#include "peerd/timer.h"

namespace peerd {

class StreamServer {
 public:
  static constexpr core::Duration kHelloTimeout = 10 * core::kSecond;

  // Takes the (paused) stream over, or leaves it: then it is refused.
  using OnHello =
      std::function<void(std::unique_ptr<net::FrameStream>& stream, const net::StreamHello& hello)>;

  StreamServer(uv_loop_t* loop, Log& log, OnHello on_hello);

  // On failure: why.
  std::string listen(const core::Endpoint& endpoint);
  void set_limit(std::uint32_t streams) { limit_ = streams; }

 private:
  struct Waiting {
    std::unique_ptr<net::FrameStream> stream;
    std::string from;
    std::uint64_t since_ms = 0;
  };

  void accepted(std::unique_ptr<net::FrameStream> stream, const std::string& from);
  void first_frame(std::uint64_t number, const net::Bytes& frame);
  void refuse(std::uint64_t number, const std::string& why);
  void end_silent();

  uv_loop_t* loop_;
  Log& log_;
  OnHello on_hello_;
  std::uint32_t limit_ = 256;
  std::unique_ptr<net::StreamListener> listener_;
  std::map<std::uint64_t, Waiting> waiting_;  // for their Hello, oldest first
  std::uint64_t next_number_ = 0;
  Timer timer_;
};

}  // namespace peerd
