// One peer as a deterministic state machine: every decision of the system is taken here.
//
//     Actions actions = node.step(now, event);
//
// No I/O, no clock, no thread: the same events at the same times give the same actions on every
// machine. `peerd` feeds it from libuv, `peersim` from a queue in virtual time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/action.h"
#include "core/config.h"
#include "core/event.h"
#include "core/home.h"
#include "core/identity.h"
#include "core/journal.h"
#include "core/policy.h"
#include "core/sabotage.h"
#include "core/task.h"
#include "core/trace.h"

namespace core {

// What `peerctl peers` and `top` show of another peer.
struct PeerStatus {
  Member member;
  bool load_known = false;
  Load load = 0;
  Role role = Role::ok;
  Time known_at = 0;
};

// A task that is being moved, for `peerctl ps`.
struct HandoffStatus {
  TaskId task;
  Epoch epoch = 0;
  PeerId peer = PeerId::none;
  bool outgoing = false;
  bool running = false;    // its process comes along
  const char* stage = "";  // "offered", "transferring", "handed off", "reserved", "prepared"
};

class Node {
 public:
  // `config`: may be shared with others. `seeds`: addresses to join through, tried until one
  // answers. `seed`: of all chance here.
  // `journal`: what an earlier life of this peer has left, from which this one goes on. `counters`:
  // where this node counts; several may share them. Its own if none are given. `sabotage`: in
  // builds for tests, a bug to have.
  Node(Identity identity, std::shared_ptr<const Config> config, PolicyFactory factory,
       std::vector<Endpoint> seeds, std::uint64_t seed, Journal journal = {},
       std::shared_ptr<Counters> counters = nullptr, Sabotage sabotage = Sabotage::none);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Peers that are known from the start, by whoever set this world up: they are no news, nobody is
  // told of them.
  void remember(std::vector<Member> peers);

  // Stays whose processes have outlived the daemon, and until when they may run: before the first
  // step. The time counts where a lease is needed.
  void keep_running(std::map<std::pair<TaskId, Epoch>, Time> stays);

  // Takes one event, at a time that never goes back, and says what is to be done, in order.
  // Never re-entered. Call once with Tick to begin.
  Actions step(Time now, const Event& event);
  // The same for a driver that uses one vector again and again: `actions` is replaced.
  void step(Time now, const Event& event, Actions& actions);
  // When the next Tick is due; kNever if only an outside event can change anything.
  Time next_timeout() const;

  // Queries, valid until the next step().
  const Identity& identity() const;
  const Config& config() const;
  const TaskTable& tasks() const;
  const HomeRecord* record(TaskId task) const;
  std::vector<const HomeRecord*> records() const;  // by serial
  std::vector<PeerStatus> peers() const;           // all that are remembered, by id; not oneself
  std::vector<HandoffStatus> handoffs() const;
  const Counters& counters() const;
  Load load() const;
  Role role() const;
  std::uint32_t reserved() const;  // granted arrivals
  bool draining() const;           // takes no work: one that leaves, or is to be empty
  bool evacuating() const;         // at its owner's wish, see EvacuateRequested
  std::optional<Endpoint> endpoint(PeerId peer) const;
  std::string name(PeerId peer) const;  // its name, or hexadecimal digits while unknown
  // Would a submission be refused now? Asked before inputs are copied; whoever acts upon it says so
  // with SubmissionTurnedAway.
  Veto admission() const;
  // Would its user's wish to move that task be refused now? `to` as in MigrateRequested.
  Veto migration_veto(TaskId task, PeerId to) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace core
