// A deterministic world in virtual time: peers that run the real core, and between them the real
// codec over a network that may lose, double, delay, reorder and part.
//
// The same options and the same calls give the same world, event for event. An event costs what its
// node's step costs; the world adds no work that grows with the number of nodes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/action.h"
#include "core/config.h"
#include "core/event.h"
#include "core/node.h"
#include "net/codec.h"
#include "sim/event_queue.h"
#include "sim/history.h"
#include "sim/network.h"
#include "sim/virtual_node.h"

namespace sim {

struct WorldOptions {
  std::uint64_t seed = 1;
  Link link{};
  core::Duration stop_time = 10 * core::kMillisecond;  // from a stop signal to a process's end
  core::Sabotage sabotage = core::Sabotage::none;      // of every node and its driver
  std::size_t backlog = 4096;   // datagrams that a paused node's socket holds; more are lost
  bool forget_ended = false;    // History keeps no task whose end has been recorded
  bool share_counters = false;  // all nodes count into the same Counters: less memory for each
  // What moving a task costs its source's processors, besides the link.
  core::Duration transfer_cpu_per_task = 0;
  core::Duration transfer_cpu_per_mebibyte = 0;
};

struct NodeOptions {
  core::Config config{};
  std::vector<NodeIndex> seeds{};
  std::optional<core::PeerId> id{};  // else one of its own
  bool journal = false;              // keeps one on disk: a crash does not take what is committed
  bool migrates = false;             // can freeze and restore processes
  std::uint32_t processors = 0;      // 0: as many as slots; with fewer, running tasks share them
  std::uint32_t speed_thousandths = 1000;
};

// What an observer is shown, after each step and before its actions are performed: those of earlier
// steps, too, that had to wait until the journal could be written, and none that has to wait now.
struct StepTaken {
  core::Time now;
  NodeIndex node;
  const core::Event& event;
  const core::Actions& actions;
  // The step's records are committed, and so many of its other actions will be performed: all,
  // unless the board loses power meanwhile.
  bool committed = true;
  std::size_t performed = SIZE_MAX;
};

class World {
 public:
  using Observer = std::function<void(const StepTaken&)>;
  // False if the datagram is to be lost.
  using Interceptor = std::function<bool(NodeIndex from, NodeIndex to, const core::Message&)>;

  explicit World(const WorldOptions& options = {});
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Adds a node and starts it.
  NodeIndex add(const NodeOptions& options = {});
  // Every node has known so many random others from the start (0: all of them), and need not join.
  void acquaint(std::uint32_t view);
  // As if stopped with SIGSTOP: events pile up, its tasks run on. Once resumed, it first hears of
  // its overdue timers.
  void pause(NodeIndex node);
  void resume(NodeIndex node);
  // The board loses power: processes and memory are gone, and without a journal the files.
  void crash(NodeIndex node);
  // The same in the middle of its next step.
  void crash_in_step(NodeIndex node, const CrashPoint& point) { nodes_.at(node).crash = point; }
  void spare(NodeIndex node) { nodes_.at(node).crash.reset(); }
  // Starts a crashed or drained node anew, with a higher start count, and with other seeds if any
  // are given.
  void restart(NodeIndex node, const std::vector<NodeIndex>& seeds = {});

  core::TaskId submit(NodeIndex home, const Job& job = {});
  void cancel(core::TaskId task);
  void drain(NodeIndex node);
  void evacuate(NodeIndex node, bool on = true);
  void sample(NodeIndex node, core::LoadSampled sample);
  void reconfigure(NodeIndex node, const core::Config& config);

  // Its clock goes on `by` later; while it stands no time passes for the node.
  void jump_clock(NodeIndex node, core::Duration by);
  void stop_clock(NodeIndex node);
  void start_clock(NodeIndex node);
  void lag(NodeIndex node, core::Duration lag) { nodes_.at(node).lag = lag; }
  // Refuses submissions, and no bundle is received.
  void fill_disk(NodeIndex node, bool full) { nodes_.at(node).disk_full = full; }
  // While it is full nothing can be committed, and core::Outbox holds back what depends on it.
  void fill_journal(NodeIndex node, bool full);
  // It is nearly full: what it must keep in reserve is used up.
  void use_journal_reserve(NodeIndex node, bool used);
  void set_criu(NodeIndex node, const CriuHealth& health) { nodes_.at(node).criu = health; }
  // Only the daemon dies: processes go on, or stay frozen as they are.
  void kill_daemon(NodeIndex node);
  void migrate(NodeIndex node, core::TaskId task, core::PeerId to = core::PeerId::none);
  void hold(NodeIndex node, core::TaskId task, bool hold);
  // Neither it nor the others understand a word of each other.
  void change_version(NodeIndex node, bool other) { nodes_.at(node).other_version = other; }
  // A datagram from anywhere.
  void inject(NodeIndex to, const core::Endpoint& from, net::Bytes bytes);
  // What a foreign datagram that can be decoded does: nothing, unless it is to be believed.
  void believe_strangers(bool believe) { believe_strangers_ = believe; }
  // Processor time that the node's tasks and moves have taken so far.
  core::Duration busy(NodeIndex node) { return nodes_.at(node).cpu.busy(now_); }
  core::Duration overhead(NodeIndex node) const { return nodes_.at(node).cpu.overhead(); }

  // Handles all that happens up to and including that time.
  void run_until(core::Time time);
  void run_for(core::Duration duration) { run_until(now_ + duration); }
  // Runs until the condition holds, looking every now and then; false if it still does not after
  // `within`.
  bool reaches(const std::function<bool()>& condition, core::Duration within,
               core::Duration every = 10 * core::kMillisecond);
  // Handles one occurrence; false if there is none up to that time.
  bool advance(core::Time until);

  core::Time now() const { return now_; }
  std::uint64_t events() const { return events_; }
  std::uint64_t datagrams() const { return datagrams_; }
  NodeIndex size() const { return static_cast<NodeIndex>(nodes_.size()); }
  Network& network() { return network_; }
  const History& history() const { return history_; }
  const VirtualNode& node(NodeIndex node) const { return nodes_.at(node); }
  // Requires that the node is not down.
  const core::Node& core(NodeIndex node) const;
  // Whose address that is; kNobody if nobody's.
  NodeIndex index_of(const core::Endpoint& endpoint) const;
  // kNobody if no node has that identity.
  NodeIndex index_of(core::PeerId peer) const;
  // As texts call a peer: "n3".
  std::string name(core::PeerId peer) const;
  // Called in the order of being added.
  void watch(Observer observer) { observers_.push_back(std::move(observer)); }
  // Sees every datagram before the network does; the last one set counts, nullptr for none.
  void intercept(Interceptor interceptor) { interceptor_ = std::move(interceptor); }
  // A late copy: the message arrives now, as that node sent it in its present or last life.
  void replay(NodeIndex from, NodeIndex to, const core::Message& message);

 private:
  std::shared_ptr<const core::Config> share(const core::Config& config);
  void start(NodeIndex index);
  void stop(NodeIndex index);
  void handle(Occurrence&& occurrence);
  void on(NodeIndex node, TimerDue&);
  void on(NodeIndex node, DatagramArrived& datagram);
  void on(NodeIndex node, CpuDue&);
  void on(NodeIndex node, ProcessStops& process);
  void on(NodeIndex node, LeaseEnds& lease);
  void on(NodeIndex node, BundleArrives& bundle);
  void on(NodeIndex node, DumpEnds& end);
  void on(NodeIndex node, RestoreEnds& end);
  void on(NodeIndex node, JournalRetry&);
  void on(NodeIndex node, ResultsArrive& results);
  template <typename Event>
  void on(NodeIndex node, Event& event) {
    step(node, event);
  }

  void step(NodeIndex node, const core::Event& event);
  void release(NodeIndex node, core::Actions& actions);
  void commit(NodeIndex node, const core::Persist& persist);
  void journal_fails(NodeIndex node);
  core::Time clock(const VirtualNode& node) const;
  void arm(NodeIndex node);
  void arm_cpu(NodeIndex node);
  core::Duration transfer_cpu(std::uint64_t bytes) const;
  void set_lease(NodeIndex node, core::TaskId task, core::Time until);
  void watch_lease(NodeIndex node, core::TaskId task);
  bool may_run(NodeIndex node, core::TaskId task) const;
  void halt(NodeIndex node, core::TaskId task);
  void freeze(NodeIndex node, core::TaskId task);
  void thaw(NodeIndex node, core::TaskId task);
  void process_ends(NodeIndex node, core::TaskId task, Run::End end);
  void perform(NodeIndex node, const core::Send& send);
  void record(NodeIndex node, const core::Persist& persist);
  void perform(NodeIndex node, const core::Accepted& accepted);
  void perform(NodeIndex node, const core::Refused& refused);
  void perform(NodeIndex node, const core::StartTask& start);
  void perform(NodeIndex node, const core::ExtendLease& lease);
  void perform(NodeIndex node, const core::FreezeTask& freeze);
  void perform(NodeIndex node, const core::RestartTask& restart);
  void perform(NodeIndex node, const core::StopTask& stop);
  void perform(NodeIndex node, const core::SendBundle& bundle);
  void perform(NodeIndex node, const core::ExpectBundle& bundle);
  void perform(NodeIndex node, const core::CancelBundle& bundle);
  void perform(NodeIndex node, const core::SendResults& results);
  void perform(NodeIndex node, const core::DiscardTask& discard);
  void perform(NodeIndex node, const core::Drained&);
  void perform(NodeIndex node, const core::Emptied&);
  template <typename Action>
  void perform(NodeIndex, const Action&) {}  // for users and readers, not for the board

  void schedule(core::Duration after, Occurrence occurrence);
  bool streams_differ(NodeIndex one, NodeIndex other) const;
  void tell_source(const BundleArrives& bundle, bool ok);
  core::Duration begin_dump(NodeIndex node, const BundleArrives& bundle);
  void begin_restore(NodeIndex node, const BundleArrives& bundle);

  WorldOptions options_;
  core::Time now_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t datagrams_ = 0;
  Network network_;
  History history_;
  std::shared_ptr<const core::Config> config_;  // the last one that a node was given
  std::shared_ptr<core::Counters> counters_;    // shared by all nodes; none: each has its own
  std::deque<VirtualNode> nodes_;
  std::map<core::PeerId, NodeIndex> by_id_;
  std::uint64_t operations_ = 0;  // of CRIU
  EventQueue<Occurrence> queue_;
  // Memory to use again: the last step's actions, datagrams that have arrived.
  core::Actions actions_;
  std::vector<net::Bytes> buffers_;
  std::vector<Observer> observers_;
  Interceptor interceptor_;
  bool believe_strangers_ = false;
};

}  // namespace sim
