// The tasks that are on this board, as processes and files: performs the core's actions on them and
// answers with its events. A stay is one task at one epoch.
#pragma once

#include <uv.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/action.h"
#include "core/event.h"
#include "core/journal.h"
#include "net/stream_frame.h"
#include "net/task_spec.h"
#include "peerd/bundle.h"
#include "peerd/executor_client.h"
#include "peerd/explanations.h"
#include "peerd/image_bundle.h"
#include "peerd/lifetime.h"
#include "peerd/log.h"
#include "peerd/pacer.h"
#include "peerd/results.h"
#include "peerd/spare_directories.h"
#include "peerd/task_files.h"

namespace peerd {

class Stays {
 public:
  struct Surroundings {
    uv_loop_t* loop = nullptr;
    core::PeerId self = core::PeerId::none;
    const TaskFiles* files = nullptr;
    std::string state_directory;
    Explanations* explanations = nullptr;
    Log* log = nullptr;
    std::function<void(core::Event)> post;
    std::function<void(core::TaskId, const std::string&)> explain;
    std::function<core::Endpoint()> own_endpoint;
    std::function<std::string(core::TaskId)> name_of;  // "board1.17"
    std::function<std::optional<core::Endpoint>(core::PeerId)> endpoint_of;
    // What the home node is told of the end of a task of its own.
    std::function<void(core::TaskId, const net::StreamEnding&)> ended_at_home;
  };

  struct Limits {
    bool migratable = false;  // tasks are started so that they can move, if they can here
    net::UserNumber task_user = net::kNoUser;  // whom guests run as, and root's own tasks
    bool as_submitter = false;                 // guests run as who submitted them, unless root has
    core::Duration kill_grace = 0;
    std::uint64_t output_bytes = 0;  // of stdout, of stderr
    std::uint32_t bandwidth_mbit = 0;
    std::uint64_t task_bytes = 0;  // of all outputs; where they go home, that peer's count
  };

  using OnCopied = ExecutorClient::OnCopied;

  Stays(Surroundings surroundings, const Limits& limits);

  void configure(const Limits& limits);
  // A submitted task whose inputs are in place, or one of an earlier run and what was said of its
  // end there.
  void add(core::TaskId task, core::Epoch epoch, net::TaskSpec spec, std::string message = "");

  // Connects to the executor. What runs there and is not in the journal ends; the others are the
  // result: they have outlived the last daemon, to be told to the core before its first step. On
  // failure `error` says why.
  std::map<std::pair<core::TaskId, core::Epoch>, core::Time> take_up(const core::Journal& journal,
                                                                     std::string& error);
  // Those of them that have ended meanwhile: once, after the core's first step was asked for.
  void tell_ended();
  // Ends all that runs, and the executor.
  void end_all() { executor_.quit(); }
  void end_without_executor(std::function<void()> on_end) {
    executor_.set_on_gone(std::move(on_end));
  }

  void perform(const core::StartTask& action);
  void perform(const core::ExtendLease& action);
  void perform(const core::FreezeTask& action);
  void perform(const core::RestartTask& action);
  void perform(const core::StopTask& action);
  void perform(const core::SendBundle& action);
  void perform(const core::ExpectBundle& action);
  void perform(const core::CancelBundle& action);
  void perform(const core::SendResults& action);
  // True if its results are where they belong already: a task that ran at home and was to produce
  // no files. That is told at once, so that its end and all that follows from it are one commit.
  bool has_nothing_to_send(const core::SendResults& action);
  void perform(const core::DiscardTask& action);

  // Files of a task's user, by the executor: of root's only where the daemon is root, too, else as
  // whom root's tasks run as. `on_copied` comes once, later.
  void copy(net::executor::Copy request, OnCopied on_copied);
  // A task's outputs to where its user wants them, together at most Limits::task_bytes.
  void place(net::UserNumber user, const std::vector<CopiedFile>& files,
             ResultsReceiver::Placed placed);
  // Users count: the executor is root.
  bool users_count() const { return executor_.is_root(); }
  // Whom it runs as, at its home node or elsewhere, if all boards do as this one.
  net::UserNumber user_of(const net::TaskSpec& spec, bool at_home) const;

  // A stream that opened with this Hello, if such a bundle is expected from that peer.
  bool accept_bundle(std::unique_ptr<net::FrameStream>& stream, const net::StreamHello& hello);

  const net::TaskSpec* spec(core::TaskId task) const;  // of its newest stay here
  const net::TaskSpec* spec(core::TaskId task, core::Epoch epoch) const;
  std::string message(core::TaskId task,
                      core::Epoch epoch) const;  // what there is to say of its end
  std::size_t running() const { return executor_.running(); }
  // Tasks can be moved while they run.
  bool migrates() const { return limits_.migratable && movable_here_; }
  bool wants_migration() const { return limits_.migratable; }
  // Why not, or by what; empty while that is being found out.
  const std::string& movability() const { return movability_; }
  std::string limits_in_use() const { return executor_.limits_in_use(); }
  const std::string& not_contained_reason() const { return executor_.not_contained_reason(); }
  // Ends tasks that print more than they may, ahead of what is checked at their end, and follows
  // guests whose home node could not be found before. Call about once a second or more often.
  void look_around();

 private:
  using Key = std::pair<core::TaskId, core::Epoch>;
  struct Stay {
    net::TaskSpec spec;
    bool begun = false;  // its process was started here, by this daemon or an earlier one
    bool running = false;
    bool surrounded = false;     // has surroundings of its own, and can move while it runs
    bool comes_running = false;  // its process comes along
    bool said_to_stay = false;   // the core knows that it cannot move while it runs
    std::string obstacle;        // why it cannot move now
    std::string move;            // what its last one took, until it goes on
    core::Time frozen_at = 0;
    bool in_preparation = false;  // what it needs to begin anew is being copied, and these wait:
    std::vector<std::function<void()>> postponed;
    std::string unusable;  // why it cannot be started: its beginning could not be made again
    bool killed = false;   // by this peer, for what `message` says
    std::string message;   // what there is to say of its end
    core::PeerId source = core::PeerId::none;
    std::uint64_t expected_bytes = 0;
    std::unique_ptr<BundleSender> sender;
    std::unique_ptr<BundleReceiver> receiver;
    std::unique_ptr<ImageSender> image_sender;
    std::unique_ptr<ImageReceiver> image_receiver;
    std::unique_ptr<ResultsSender> results;
  };

  Stay* find(core::TaskId task, core::Epoch epoch);
  const Stay* find(core::TaskId task, core::Epoch epoch) const;
  Stay* running_stay(core::TaskId task, core::Epoch& epoch);
  void begin(const Key& key, Stay& stay);
  // And nobody brings it home yet.
  bool prints_elsewhere(const Key& key, const Stay& stay) const;
  // Begins to bring a guest's output home while it runs.
  void follow(core::TaskId task, core::Epoch epoch);
  void follow(core::TaskId task, core::Epoch epoch, const core::Endpoint& home);
  bool at_home(core::TaskId task) const { return task.home == around_.self; }
  void fail_to_start(core::TaskId task, Stay& stay);
  struct Beginning {
    std::vector<CopiedFile> files;
    std::string directory;
    std::uint64_t max_bytes = 0;
  };
  std::optional<Beginning> beginning_of(const Key& key, net::TaskSpec spec) const;
  static std::string make(const Beginning& beginning);
  void prepared(const Key& key, const std::string& directory, const std::string& error);
  // True if that must wait until the stay is prepared.
  template <typename Action>
  bool postpone(Stay& stay, const Action& action) {
    if (stay.in_preparation) stay.postponed.push_back([this, action] { perform(action); });
    return stay.in_preparation;
  }
  // Why it could not go on at that peer, or anywhere but here, as whom it runs as; or nothing.
  std::string user_obstacle(core::TaskId task, const net::TaskSpec& spec, core::PeerId to) const;
  void check_migration();
  void go_on(const Key& key, Stay& stay);
  void surround(const Key& key, Stay& stay);
  void measure(const Key& key, Stay& stay);
  void send_running(const Key& key, Stay& stay, const core::SendBundle& action,
                    const std::vector<std::string>& trace);
  void sent_running(const Key& key, const core::SendBundle& action,
                    const ImageSender::Result& result);
  void image_arrived(const Key& key, ImageReceiver::Arrival arrival);
  std::string work_directory(const Key& key) const;
  std::string printed_path(const Key& key, int stream) const;
  ProcessSpec process_of(core::TaskId task, core::Epoch epoch, const net::TaskSpec& spec) const;
  void kill(const Key& key, Stay& stay, const std::string& why);
  void process_ended(const Key& key, const ProcessEnd& end);
  void end_when_on_disk(core::TaskId task, core::Epoch epoch, core::ExitStatus status);
  bool prints_too_much(core::TaskId task, core::Epoch epoch) const;
  void cut_output(core::TaskId task, core::Epoch epoch) const;
  std::string missing_output(core::TaskId task, core::Epoch epoch, const Stay& stay) const;
  void bundle_arrived(core::TaskId task, core::Epoch epoch, BundleReceiver::Arrival arrival);
  void place_at_home(core::TaskId task, core::Epoch epoch, const net::StreamEnding& ending);
  void placed_at_home(core::TaskId task, core::Epoch epoch, const net::StreamEnding& ending);
  net::StreamHello hello(net::StreamHello::Kind kind, core::TaskId task, core::Epoch epoch) const;

  Surroundings around_;
  Limits limits_;
  std::map<Key, Stay> stays_;
  SpareDirectories spares_;
  ExecutorClient executor_;
  Pacer pacer_;
  bool checked_ = false;
  bool movable_here_ = false;
  std::string movability_;
  std::uint64_t inspect_at_ms_ = 0;
  Lifetime lifetime_;
};

}  // namespace peerd
