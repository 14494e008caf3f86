// peerd's side of the executor (executor_server.h): connects to the one that runs, or starts one.
//
// What the executor had before is known from connect() on. If it dies, so have all its tasks: they
// end as `lost`, and another one is started.
#pragma once

#include <uv.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "net/executor_frame.h"
#include "net/transport.h"
#include "peerd/executor.h"
#include "peerd/log.h"
#include "peerd/timer.h"

namespace peerd {

class ExecutorClient {
 public:
  using Key = std::pair<core::TaskId, core::Epoch>;
  using OnEnd = std::function<void(const Key&, const ProcessEnd&)>;
  using OnChecked = std::function<void(const net::executor::Checked&)>;
  using OnInspected = std::function<void(const net::executor::Inspected&)>;
  using OnMoved = std::function<void(const net::executor::Moved&)>;
  using OnCopied = std::function<void(const net::executor::Copied&)>;

  // `on_end`: once for each that runs or is stopped, later, never from inside. `root_tasks`: those
  // of an executor that is started here may run as root.
  ExecutorClient(uv_loop_t* loop, Log& log, const std::string& state_directory, core::PeerId self,
                 bool root_tasks, OnEnd on_end);
  // What runs goes on, unless quit() was called; an executor without any stay is let go.
  ~ExecutorClient();

  // Runs the loop until the executor has said what it has. Empty, or why there is none.
  std::string connect();
  // From here on none is started: `on_gone` comes if this one is gone.
  void set_on_gone(std::function<void()> on_gone) { on_gone_ = std::move(on_gone); }
  // What it had when it was connected to.
  const std::map<Key, net::executor::Stay>& found() const { return found_; }

  void start(const Key& stay, const ProcessSpec& process, bool movable = false);
  bool runs(const Key& stay) const { return running_.contains(stay); }
  bool holds(const Key& stay) const { return held_.contains(stay); }  // started, not discarded
  // SIGTERM to all its processes, SIGKILL after the grace. Unknown stays are ignored.
  void stop(const Key& stay, core::Duration grace);
  // Until when it may run, by monotonic_now(), whatever becomes of this daemon: executor_frame.h.
  void lease(const Key& stay, core::Time until);
  void kill(const Key& stay);  // SIGKILL at once
  // Nothing more is told of it; if it runs it ends.
  void discard(const Key& stay);
  // Its number is filled in. `on_copied` comes once, later: a failure if the executor dies.
  void copy(net::executor::Copy request, OnCopied on_copied);

  // What follows is of movable stays (executor_frame.h). Every answer comes later and at most once:
  // none to what was cancelled, resumed or discarded; a failure if the executor dies.
  void check(OnChecked on_checked);
  void inspect(const Key& stay, bool files, OnInspected on_inspected);
  void dump(const Key& stay, const std::string& fifo, OnMoved on_moved);
  // `request` without task and epoch.
  void restore(const Key& stay, net::executor::Restore request, OnMoved on_moved);
  void forget_answers(const Key& stay);
  void resume(const Key& stay);
  bool stopped(const Key& stay) const { return stopped_.contains(stay); }

  // Ends the executor and all that runs.
  void quit();

  // Users count: it is root.
  bool is_root() const { return about_.root; }
  std::size_t running() const { return running_.size(); }
  const std::string& limits_in_use() const { return about_.limits; }
  const std::string& not_contained_reason() const { return about_.not_contained; }

 private:
  struct Launched;

  void open();
  void launch();
  void launched_ended();
  void closed(const std::string& error);
  void on_frame(const net::Bytes& bytes);
  void on(const net::executor::Hello& frame);
  void on(const net::executor::Stay& frame);
  void on(const net::executor::Ready&);
  void on(const net::executor::Ended& frame);
  void on(const net::executor::Checked& frame);
  void on(const net::executor::Inspected& frame);
  void on(const net::executor::Moved& frame);
  void on(const net::executor::Copied& frame);
  template <typename Other>
  void on(const Other&) {
    closed("the executor sent a frame that is peerd's to send");
  }
  void send(const net::executor::Frame& frame);
  void ended(const Key& stay, const ProcessEnd& end);
  void give_up_answers();

  uv_loop_t* loop_;
  Log& log_;
  std::string state_directory_;
  core::PeerId self_;
  bool root_tasks_;
  OnEnd on_end_;
  std::function<void()> on_gone_;
  std::unique_ptr<net::FrameStream> stream_;
  bool ready_ = false;
  bool known_ = false;  // it has been ready before
  net::executor::Hello about_;
  std::string failure_;  // of the last attempt to start one
  std::map<Key, net::executor::Stay> found_;
  std::set<Key> held_;  // started or found, and not discarded
  std::set<Key> running_;
  std::set<Key> stopped_;
  OnChecked on_checked_;
  struct Inspecting {
    bool files = false;
    OnInspected on_inspected;
  };
  std::map<Key, Inspecting> inspections_;
  std::map<Key, OnMoved> moves_;
  std::map<std::uint32_t, OnCopied> copies_;
  std::uint32_t last_copy_ = 0;
  std::set<Key> expected_;           // of those, what the executor must have
  std::vector<net::Bytes> waiting_;  // frames for an executor that is not ready
  Launched* launched_ = nullptr;     // under way, or running
  Timer timer_;
};

}  // namespace peerd
