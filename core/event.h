// Everything that can happen to a node. The driver turns callbacks into these; nothing else goes
// in.
#pragma once

#include <memory>
#include <variant>
#include <vector>

#include "core/config.h"
#include "core/message.h"
#include "core/types.h"

namespace core {

// The timer asked for by Node::next_timeout() is due (or overdue: a stopped process wakes up late).
struct Tick {};

struct MessageReceived {
  Endpoint from_endpoint;
  Header header;
  Message message;
};

// A user's task, its inputs already in place on this node. `task` is {own id, a serial larger than
// every one before}. Answered by Accepted or Refused.
struct TaskSubmitted {
  TaskId task;
  Needs needs;
  bool pinned = false;  // runs at home, whatever the load
  // If its owner is gone, it is begun anew after LimitsConfig::lease; `needs.lease` is set here.
  bool restarts = false;
};

// A submission that was not even numbered: see Node::admission(). Counted and told like one that is
// refused here.
struct SubmissionTurnedAway {
  Veto veto = Veto::none;
};

struct CancelRequested {
  TaskId task;
};

// The process started by StartTask ended, or could not be started (exit code 126 or 127, or
// `failed`).
struct TaskExited {
  TaskId task;
  ExitStatus status;
};

// A running task's process has grown or shrunk, or whether it could be moved has changed.
struct TaskMeasured {
  TaskId task;
  std::uint64_t resident_bytes = 0;
  bool migratable = true;  // as far as can be told without freezing it
};

// The pair to SendBundle: the destination has the files (it will say Prepared itself), or it has
// not.
struct BundleSent {
  TaskId task;
  Epoch epoch = 0;
  bool ok = false;
  bool unmigratable = false;  // not ok since its process cannot be moved, here or elsewhere
};

// The pair to ExpectBundle: the files are complete and on disk, or will not be. Not ok once more:
// the process that came with them, and was stopped, has ended.
struct BundleReceived {
  TaskId task;
  Epoch epoch = 0;
  bool ok = false;
};

// The pair to SendResults: the home node has outputs and exit message, or could not be given them.
// `status`: the task's, or `failed` if its outputs cannot be put where its user wants them.
struct ResultsSent {
  TaskId task;
  Epoch epoch = 0;
  bool ok = false;
  ExitStatus status{};
};

// Periodic measurements of the board.
struct LoadSampled {
  std::uint64_t memory_available_bytes = 0;
  std::uint32_t memory_pressure_thousandths = 0;  // PSI, some avg10
  std::uint64_t disk_available_bytes = 0;         // where tasks' directories are
  bool journal_fails = false;                     // see outbox.h
  bool migrates = false;                          // running tasks can be frozen and restored here
};

struct Reconfigured {
  std::shared_ptr<const Config> config;  // never null
};

// Other addresses to join through, from now on.
struct SeedsChanged {
  std::vector<Endpoint> seeds;
};

// Take no more work, hand back guests' waiting tasks, let the rest finish; then say Drained. A
// second time: leave at once, whatever is left.
struct DrainRequested {};

// Take no more work and hand everything over, what runs too, to whoever takes it; say Emptied when
// nothing is left. Stays a member and the home node of its tasks. Or (`on` false): be as before.
// Of no effect once DrainRequested has come.
struct EvacuateRequested {
  bool on = true;
};

// Its user's wish: move the task, waiting or running, to that peer, or to any that takes it.
// Policies and the minimum residence do not count, limits do.
struct MigrateRequested {
  TaskId task;
  PeerId to = PeerId::none;
};

// Its user's wish: the task stays where it is until released.
struct HoldRequested {
  TaskId task;
  bool hold = true;
};

using Event = std::variant<Tick, MessageReceived, TaskSubmitted, SubmissionTurnedAway,
                           CancelRequested, TaskExited, TaskMeasured, BundleSent, BundleReceived,
                           ResultsSent, LoadSampled, Reconfigured, SeedsChanged, DrainRequested,
                           EvacuateRequested, MigrateRequested, HoldRequested>;

}  // namespace core
