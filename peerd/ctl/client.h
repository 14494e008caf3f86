// The connection to the local peerd: requests out, answers to whoever asked.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/control_frame.h"
#include "net/transport.h"
#include "peerd/ctl/exits.h"
#include "peerd/ctl/loop.h"

namespace peerctl {

class Client {
 public:
  using OnAnswer = std::function<void(const net::ControlBody&)>;
  using OnLost = std::function<void(const Problem&)>;

  // Connects at once. on_lost comes at most once, also for a failed connect, and no answer comes
  // after it. Must outlive its callbacks.
  Client(uv_loop_t* loop, std::string socket, OnLost on_lost);

  // May be asked before the daemon has said Welcome. on_answer comes once for every frame of the
  // answer; the last one is_last().
  void ask(net::ControlBody request, OnAnswer on_answer);

  bool welcomed() const { return welcomed_; }
  std::size_t pending_bytes() const;
  void pause();  // reads no more: what writes our output cannot follow
  void resume();

 private:
  void received(const net::Bytes& bytes);
  void received_welcome(const net::ControlBody& body);
  void closed(const std::string& error);
  void lose(Problem problem);
  Problem no_daemon(const std::string& error) const;

  std::string socket_;
  OnLost on_lost_;
  Timer patience_;  // for Welcome
  std::unique_ptr<net::FrameStream> stream_;
  std::map<std::uint32_t, OnAnswer> asked_;
  std::vector<net::ControlFrame> before_welcome_;
  std::uint32_t next_request_ = 1;
  bool welcomed_ = false;
  bool lost_ = false;
};

// Whether the frame ends the answer to its request.
bool is_last(const net::ControlBody& body);

// Connects, asks everything at once and waits for all answers: for each request its frames, in the
// order of the requests. A Failure is an answer like others.
using Answer = std::vector<net::ControlBody>;
Result<std::vector<Answer>> converse(const std::string& socket,
                                     const std::vector<net::ControlBody>& requests);

// The rows of a table that came in several frames; a Problem if there is a Failure among them.
Result<std::vector<net::TaskRow>> task_rows(const Answer& answer);
Result<std::vector<net::PeerRow>> peer_rows(const Answer& answer);
Result<std::vector<net::StatRow>> stat_rows(const Answer& answer);
Result<std::vector<std::string>> lines(const Answer& answer);

}  // namespace peerctl
