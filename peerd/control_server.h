// Answers peerctl over the Unix socket.
//
// Everybody who may use it may submit and look; a task is steered, and its output read, by who has
// submitted it; root and the daemon's own user may do everything.
#pragma once

#include <sysexits.h>
#include <uv.h>

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "net/control_frame.h"
#include "net/transport.h"
#include "peerd/driver.h"
#include "peerd/log.h"
#include "peerd/output_follower.h"
#include "peerd/timer.h"

namespace peerd {

class ControlServer {
 public:
  static constexpr std::size_t kMaxClients = 256;
  static constexpr core::Duration kFollowInterval = 50 * core::kMillisecond;

  ControlServer(uv_loop_t* loop, Driver& driver, Log& log);

  // `group`: who may use it beside the daemon's own user and root; empty: nobody. On failure: why.
  std::string listen(const std::string& path, const std::string& group);

 private:
  struct Client {
    std::unique_ptr<net::FrameStream> stream;
    net::UserNumber user = net::kNoUser;
    bool greeted = false;
    std::map<std::uint32_t, OutputFollower> followers;  // by request number
  };
  using Number = std::uint64_t;
  // A request that waits for a task's end.
  struct Wait {
    core::TaskId task;
    Number client = 0;
    std::uint32_t request = 0;
    auto operator<=>(const Wait&) const = default;
  };

  void accepted(std::unique_ptr<net::FrameStream> stream);
  void gone(Number number);
  void on_frame(Number number, const net::Bytes& bytes);
  void answer(Number number, std::uint32_t request, net::ControlBody body);
  void fail(Number number, std::uint32_t request, int code, const std::string& message);

  void on(Number number, std::uint32_t request, const net::ControlHello& hello);
  void on(Number number, std::uint32_t request, const net::SubmitRequest& submit);
  void on(Number number, std::uint32_t request, const net::WaitRequest& wait);
  void on(Number number, std::uint32_t request, const net::OutputRequest& output);
  void on(Number number, std::uint32_t request, const net::CancelRequest& cancel);
  void on(Number number, std::uint32_t request, const net::SteerRequest& steer);
  void on(Number number, std::uint32_t request, const net::DrainRequest& drain);
  void on(Number number, std::uint32_t request, const net::DoctorRequest&);
  void on(Number number, std::uint32_t request, const net::TasksRequest& tasks);
  void on(Number number, std::uint32_t request, const net::PeersRequest&);
  void on(Number number, std::uint32_t request, const net::StatsRequest&);
  void on(Number number, std::uint32_t request, const net::ExplainRequest& explain);
  template <typename Other>
  void on(Number number, std::uint32_t request, const Other&) {
    fail(number, request, EX_PROTOCOL, "that is an answer, not a request");
  }

  bool is_master(Number number) const;
  // True, or answers that it may not.
  bool may_steer(Number number, std::uint32_t request, core::TaskId task);
  // The task of this home that a user names, or answers why not.
  const core::HomeRecord* record_of(Number number, std::uint32_t request, const std::string& text);
  void record_changed(core::TaskId task);
  void end_waits(core::TaskId task);
  void end_drains(const net::ControlBody& answer);
  OutputFollower follower_of(const core::HomeRecord& record, bool follow) const;
  void pump(Number number, std::uint32_t request);
  void pump_all();
  net::Ended ended(const core::HomeRecord& record) const;

  uv_loop_t* loop_;
  Driver& driver_;
  Log& log_;
  std::unique_ptr<net::StreamListener> listener_;
  std::map<Number, Client> clients_;
  std::set<Wait> waits_;
  std::set<std::pair<Number, std::uint32_t>>
      drains_;  // requests that wait for the peer to be empty
  Number next_number_ = 0;
  Timer timer_;
};

}  // namespace peerd
