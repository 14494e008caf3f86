// The executor: a process of its own, parent of all tasks, so that they outlive peerd. peerd
// connects to STATE/executor.sock and says what is to be started and ended (net/executor_frame.h);
// an end is kept until peerd has said that it is through with the stay.
//
// If it is root, it is the only part that needs to be: tasks run as their users, whom their files
// belong to meanwhile, and files of users are read and written as them (users.h).
//
// It decides nothing. It ends, and all tasks with it, when it is told to, when its state directory
// is gone, or when it has had neither stays nor a peerd for a while.
#pragma once

#include <uv.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "net/executor_frame.h"
#include "net/transport.h"
#include "peerd/executor.h"
#include "peerd/lease_guard.h"
#include "peerd/lifetime.h"
#include "peerd/log.h"
#include "peerd/movable_tasks.h"
#include "peerd/timer.h"
#include "peerd/users.h"

namespace peerd {

// Its argument for tasks that may run as root.
inline constexpr const char* kRootTasks = "root-tasks";

std::string executor_socket(const std::string& state_directory);
std::string executor_pid_file(const std::string& state_directory);

class ExecutorServer {
 public:
  static constexpr core::Duration kIdle = 10 * core::kSecond;

  // `root_tasks`: tasks may run as root. `on_quit`: there is nothing left to do, or its time is
  // over.
  ExecutorServer(uv_loop_t* loop, Log& log, std::string state_directory, core::PeerId peer,
                 bool root_tasks, std::function<void()> on_quit);
  ~ExecutorServer();

  // On failure: why.
  std::string listen();

 private:
  using Key = std::pair<core::TaskId, core::Epoch>;

  void connected(std::unique_ptr<net::FrameStream> stream);
  void disconnected(const std::string& error);
  void on_frame(const net::Bytes& bytes);
  void on(net::executor::Start frame);
  void on(const net::executor::Stop& frame);
  void on(const net::executor::Kill& frame);
  void on(const net::executor::Discard& frame);
  void on(const net::executor::Check&);
  void on(const net::executor::Inspect& frame);
  void inspected(const net::executor::Inspect& frame, Inspection inspection);
  void on(const net::executor::Dump& frame);
  void on(const net::executor::Restore& frame);
  void on(const net::executor::Resume& frame);
  void on(const net::executor::Lease& frame);
  void on(net::executor::Copy frame);
  void on(const net::executor::Quit&) { on_quit_(); }
  template <typename Other>
  void on(const Other&) {
    disconnected("peerd sent a frame that is the executor's to send");
  }
  void tell(net::executor::Frame frame);
  void executor_ended(core::TaskId task, const ProcessEnd& end);
  void process_ended(const Key& key, const ProcessEnd& end);
  void moved(const Key& key, const Outcome& outcome);
  void lease_changed(const Key& key, bool may_run);
  bool runs(const Key& key) const;
  void look_around();

  Log& log_;
  std::string state_directory_;
  std::function<void()> on_quit_;
  TaskUsers users_;
  std::map<Key, net::executor::Stay> stays_;
  struct Running {
    core::Epoch epoch = 0;
    std::string own;
  };
  std::map<core::TaskId, Running> running_;  // what `executor_` has
  Executor executor_;
  MovableTasks movables_;
  LeaseGuard leases_;
  std::optional<net::executor::Checked> checked_;
  bool checking_ = false;
  std::unique_ptr<net::StreamListener> listener_;
  std::unique_ptr<net::FrameStream> peerd_;
  core::Duration idle_ = 0;
  Timer timer_;
  Lifetime lifetime_;
};

}  // namespace peerd
