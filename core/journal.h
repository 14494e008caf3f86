// What a peer knows again after its board lost power: the fold of its committed Persist records.
//
// The contract between a node and whoever keeps its journal:
//
// - The driver commits the Persist records of a batch of steps in one transaction, before it
//   performs any other action of the batch. A write that is torn leaves nothing of the batch:
//   neither its records nor anything else that it asked for has happened.
// - What is committed is there after the restart, whole and in order. What was in memory, and every
//   process, is gone. Files of a stay are there if they were complete; those of a stay that the
//   journal does not hold are the driver's to remove.
// - `Accepted` is performed after the commit: an acknowledged task is never forgotten.
//
// A node that is given a journal at its start goes on from there:
//
// - a waiting task waits again, or stays frozen until it has a lease;
// - one that had been started has lost its process: it ends as `lost`, and its user is told so;
// - an ended one delivers its results again until its home node has them;
// - a prepared copy asks its source by repeating Prepared, a decision repeats Commit;
// - the home node's records are all there, and in doubt until their owners have been heard;
// - leases that it had granted it takes for granted just now.
//
// The driver never gives a task a serial up to `last_serial` again. Times are of the peer's clock
// as it runs now: whoever keeps the journal while the board is down carries them over.
#pragma once

#include <cstdint>
#include <map>

#include "core/action.h"
#include "core/types.h"

namespace core {

// A stay may offer its task at this many epochs beyond its own without a record. A restart skips
// those that it may have used: a late Prepared for one of them must not count for a new offer.
constexpr Epoch kEpochsAhead = 64;

struct OwnedTask {
  Epoch epoch = 0;
  Epoch offerable = 0;  // no larger epoch has been offered
  Needs needs;
  std::uint32_t hops = 0;
  bool pinned = false;
  bool started = false;
  bool ended = false;
  bool held = false;
  ExitStatus status;          // meaningful once it has ended
  std::uint64_t arrival = 0;  // orders the tasks of this peer
  Time arrived = 0;           // at this peer
  Time since = 0;             // when it was submitted
  Time start = 0;             // meaningful once it has started
  Duration ran_before = 0;    // at the peers where it ran earlier, and here before `start`

  bool operator==(const OwnedTask&) const = default;
};

// A copy that is complete here; only its source knows whether it was handed over.
struct PreparedCopy {
  Epoch epoch = 0;
  PeerId source = PeerId::none;
  Needs needs;
  std::uint32_t hops = 0;
  Time since = 0;
  bool running = false;  // its process came along
  Duration ran = 0;

  bool operator==(const PreparedCopy&) const = default;
};

// The task was handed over; its destination or its home node may not know yet.
struct Decision {
  Epoch epoch = 0;
  PeerId destination = PeerId::none;
  std::uint32_t hops = 0;

  bool operator==(const Decision&) const = default;
};

// What the home node has to remember of a task.
struct HomeEntry {
  enum class State : std::uint8_t { open, finished, lost };
  PeerId owner = PeerId::none;
  Epoch epoch = 0;
  std::uint32_t hops = 0;
  State state = State::open;
  ExitStatus status;
  Needs needs;
  bool pinned = false;
  bool cancelling = false;
  Time submitted = 0;
  Time ended = 0;  // meaningful once it is not open

  bool keeps_beginning() const { return needs.lease > 0 && state == State::open; }
  bool operator==(const HomeEntry&) const = default;
};

// Bounded by the node's limits: queue, slots, transfers, and records of ended tasks.
struct Journal {
  std::map<TaskId, OwnedTask> owned;
  std::map<TaskId, PreparedCopy> prepared;
  std::map<TaskId, Decision> decided;
  std::map<TaskId, HomeEntry> home;
  std::uint64_t last_serial = 0;
  std::uint64_t arrivals = 0;

  // Requires that the record follows from those before it, as a node's do.
  void apply(const Persist& record);
  // Does the task stay, or wait to stay, here at that epoch? Then its files must be kept. Epoch 0
  // is what the home node needs to begin it anew.
  bool holds(TaskId task, Epoch epoch) const;

  bool operator==(const Journal&) const = default;
};

}  // namespace core
