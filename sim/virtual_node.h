// One peer of the world: its core, and what would be the rest of its board.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "core/journal.h"
#include "core/node.h"
#include "core/outbox.h"
#include "net/codec.h"
#include "sim/cpu.h"
#include "sim/network.h"

namespace sim {

// What the event queue holds besides events for the core itself.
struct TimerDue {};
struct DatagramArrived {
  core::Endpoint from;
  net::Bytes bytes;
  bool foreign = false;  // not as this version of a peer would send it
};
// A process may have ended, or the system's own work.
struct CpuDue {};
// A stop signal takes effect.
struct ProcessStops {
  core::TaskId task;
  std::size_t run = 0;
};
// At the destination: the last byte of a bundle, or the first of nothing.
struct BundleArrives {
  core::TaskId task;
  core::Epoch epoch = 0;
  NodeIndex source = kNobody;
  std::uint32_t source_life = 0;
  core::Duration work = 0;  // what its process still needs, if that comes along
};
// CRIU is through with a process, or has been stopped. `dump`, `restore`: which one of the world's.
struct DumpEnds {
  std::uint64_t dump = 0;
  core::TaskId task;
  core::Epoch epoch = 0;
  std::uint32_t life = 0;
  bool ok = false;
};
struct RestoreEnds {
  std::uint64_t restore = 0;
  core::TaskId task;
  core::Epoch epoch = 0;
  bool ok = false;
};
// Something waits for records that could not be written.
struct JournalRetry {};
// At the task's owner: the home node has the results, if it can be reached.
struct ResultsArrive {
  core::TaskId task;
  core::Epoch epoch = 0;
  core::ExitStatus status;
  NodeIndex home = kNobody;
};

constexpr std::uint32_t kAnyLife = 0;

// The lease of a process may have run out: whoever holds the process looks, whatever the daemon
// does.
struct LeaseEnds {
  core::TaskId task;
  std::size_t run = 0;
};

struct Occurrence {
  NodeIndex node = kNobody;
  std::uint32_t life = kAnyLife;  // of which of the node's lives; another one will not hear of it
  std::variant<TimerDue, DatagramArrived, CpuDue, ProcessStops, LeaseEnds, BundleArrives, DumpEnds,
               RestoreEnds, JournalRetry, ResultsArrive, core::BundleSent, core::TaskExited,
               core::TaskMeasured, core::ResultsSent, core::LoadSampled>
      what;
};

// Where in a step the board loses power. `torn`: while the journal writes, nothing of the step has
// happened. Else everything is committed and the first `performed` of its other actions are done.
struct CrashPoint {
  bool torn = false;
  std::size_t performed = 0;
};

// How well a board's CRIU does, with the dumps and restores that begin now.
struct CriuHealth {
  bool fails = false;
  core::Duration slow = 0;  // takes so much longer
  bool hangs = false;       // does not answer until it is stopped: kCriuLimit
};
constexpr core::Duration kCriuLimit = 30 * core::kSecond;

struct VirtualNode {
  enum class State : std::uint8_t { up, paused, down };
  using Stay = std::pair<core::TaskId, core::Epoch>;

  core::PeerId id = core::PeerId::none;
  std::string name;
  core::Endpoint endpoint;
  std::shared_ptr<const core::Config> config;  // as a rule many nodes have the same one
  std::vector<core::Endpoint> seeds;
  bool keeps_journal = false;
  bool migrates = false;
  core::Journal journal;  // as committed
  core::Outbox outbox;
  bool journal_fails = false;  // as the node has been told
  bool trying_again = false;
  core::LoadSampled sampled;

  State state = State::down;
  std::uint32_t life = 0;  // counts starts
  bool drained = false;    // left in order, in its last life
  bool emptied = false;    // has handed over all it had, since World::evacuate()
  std::unique_ptr<core::Node> core;
  std::vector<core::Time> alarms;   // its TimerDues in the queue, the earliest last
  std::vector<Occurrence> backlog;  // what came while it was paused

  std::map<core::TaskId, std::size_t> processes;  // run numbers
  // What frozen processes still need: here, where they ran, and where they were restored.
  std::map<core::TaskId, core::Duration> frozen;
  std::map<Stay, core::Duration> restored;
  // Until when processes may run, by the board's clock; others may as long as they want to.
  std::map<core::TaskId, core::Time> leases;
  std::set<core::TaskId> halted;  // of the frozen ones: for want of a lease
  // Those that take their time. Nobody can let a process go on before its dump is over.
  struct Dump {
    std::uint64_t number = 0;
    bool given_up = false;
  };
  std::map<core::TaskId, Dump> dumps;
  struct Restore {
    std::uint64_t number = 0;
    core::Duration work = 0;
  };
  std::map<Stay, Restore> restores;
  std::map<Stay, core::ExitStatus> ended;  // whose ends the daemon has not done with
  Cpu cpu{1, 1000};
  core::Time cpu_armed_at = core::kNever;  // the one CpuDue in the queue that counts
  std::set<Stay> files;                    // complete on its disk
  std::set<Stay> expected;
  std::set<Stay> sending;

  // What may be wrong with the board.
  std::optional<CrashPoint> crash;  // in its next step
  core::Duration clock_ahead = 0;   // of the world's time
  bool clock_stands = false;
  core::Time clock_stood_at = 0;  // its own time, while it stands
  core::Duration lag = 0;         // on top of every datagram, in and out
  bool disk_full = false;
  bool journal_full = false;
  CriuHealth criu;
  bool other_version = false;  // speaks a protocol that nobody else does
};

}  // namespace sim
