// The daemon around the core: turns libuv's callbacks into events and performs the actions.
//
// Events are collected while callbacks run and drained when the loop has seen them all: the actions
// of the whole batch are put together, what must persist first, and only then performed.
#pragma once

#include <uv.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "config/settings.h"
#include "core/node.h"
#include "core/outbox.h"
#include "net/transport.h"
#include "peerd/explanations.h"
#include "peerd/home_tasks.h"
#include "peerd/journal_store.h"
#include "peerd/load_sampler.h"
#include "peerd/log.h"
#include "peerd/stays.h"
#include "peerd/stream_server.h"
#include "peerd/submissions.h"
#include "peerd/task_files.h"
#include "peerd/timer.h"

namespace peerd {

class Driver {
 public:
  Driver(uv_loop_t* loop, Log& log, const config::Settings& settings, JournalStore& journal,
         std::vector<core::Endpoint> seeds);
  ~Driver();

  // Takes up what the journal remembers and binds the port. On failure: why.
  std::string start();
  void reconfigure(const config::Settings& settings);
  // The first time politely: `on_drained` comes when nothing is left. Again: `on_drained` at once.
  void drain(std::function<void()> on_drained);
  // What runs would go on without the daemon, and be taken up by the next one: unless this is
  // called.
  void end_tasks() { stays_->end_all(); }
  // From here on nobody can start an executor here: `on_end` comes if the one that runs is gone.
  void end_without_executor(std::function<void()> on_end) {
    stays_->end_without_executor(std::move(on_end));
  }

  // `answer` comes once, later or at once.
  void submit(const net::TaskSpec& spec, Submissions::Answer answer);
  void post(core::Event event);

  void set_on_emptied(std::function<void()> on_emptied);  // see core::Emptied
  // Whenever a record of a task of this home changes, or is forgotten.
  void set_on_record_changed(std::function<void(core::TaskId)> on_changed);

  // Valid once started, as are all that follow.
  const core::Node& node() const { return *node_; }
  std::string name_of(core::TaskId task) const;
  const HomeTask* home_task(core::TaskId task) const { return home_->find(task); }
  const net::TaskSpec* guest_spec(core::TaskId task) const { return stays_->spec(task); }
  const Explanations& explanations() const { return explanations_; }
  const TaskFiles& files() const { return files_; }
  const Stays& stays() const { return *stays_; }
  bool journal_failing() const { return journal_failing_; }
  core::Endpoint local() const { return socket_->local(); }

 private:
  std::string bind();
  void recover(const JournalStore::Recovered& recovered);
  void drain_inbox();
  bool commit(const std::vector<core::Persist>& records);
  JournalStore::Entry entry_of(const core::Persist& record) const;
  void journal_fails(const std::string& why);
  void try_again();
  void perform(const core::Actions& actions);
  void perform(const core::Persist&) {}  // committed before
  void perform(const core::Send& action);
  void perform(const core::Accepted& action);
  void perform(const core::Refused& action);
  void perform(const core::RecordChanged& action);
  void perform(const core::RestartTask& action);
  void perform(const core::RecordForgotten& action);
  void perform(const core::Drained&);
  void perform(const core::Emptied&);
  void perform(const core::Trace& action);
  template <typename Action>
  void perform(const Action& action) {
    stays_->perform(action);
  }
  void received(const core::Endpoint& from, std::span<const std::uint8_t> bytes);
  void hello(std::unique_ptr<net::FrameStream>& stream, const net::StreamHello& hello);
  void sample();
  void apply(const config::Settings& settings);
  core::Names names() const;

  uv_loop_t* loop_;
  Log& log_;
  config::Settings settings_;
  JournalStore& journal_;
  std::vector<core::Endpoint> seeds_;
  TaskFiles files_;
  Explanations explanations_;
  LoadSampler sampler_;
  std::unique_ptr<core::Node> node_;
  std::unique_ptr<HomeTasks> home_;
  std::unique_ptr<Stays> stays_;
  std::unique_ptr<Submissions> submissions_;
  std::unique_ptr<net::DatagramSocket> socket_;
  StreamServer streams_;
  std::deque<core::Event> inbox_;
  core::Outbox outbox_;
  std::function<void(core::TaskId)> on_record_changed_;
  std::function<void()> on_emptied_;
  std::function<void()> on_drained_;
  Timer node_timer_;
  Timer sample_timer_;
  Timer journal_timer_;  // while it fails
  bool journal_failing_ = false;
  bool trying_again_ = false;
  struct Turns;  // the loop's prepare and check handles, which drain the inbox
  std::unique_ptr<Turns> turns_;
};

}  // namespace peerd
