// The tasks that this peer owns (or is being handed), and the order in which they start.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/types.h"

namespace core {

// An owner's right to run a task of another home node: lease.h.
struct Lease {
  Time until = 0;   // by this peer's clock
  Time ask_at = 0;  // when it is asked for again
  std::uint32_t tries = 0;
};

struct Task {
  // Where a task stands at its owner. `leaving` holds one that waited back: it may neither start
  // nor be offered again until the handoff has ended. `migrating` is the same for one that runs: it
  // keeps its slot meanwhile.
  enum class Phase : std::uint8_t { waiting, leaving, running, migrating, returning };
  static constexpr std::size_t kPhases = 5;

  TaskId id;
  Epoch epoch = 0;
  Epoch offered = 0;    // the largest epoch that any destination was offered; at least `epoch`
  Epoch offerable = 0;  // the largest that may be without a further record: see journal.h
  Needs needs;
  Time arrived = 0;                  // at this peer
  Duration waited_before = 0;        // at the peers that had it earlier
  Time started = 0;                  // meaningful from `running` on
  Duration ran_before = 0;           // at the peers where it ran earlier
  std::uint64_t resident_bytes = 0;  // of its process
  bool migratable = true;            // nothing is known that keeps its process here
  bool goes_on = false;              // it has come with its process, which waits to go on
  bool frozen = false;               // for want of a lease: its process is here, and goes_on
  bool startable = true;             // may start as soon as there is a slot
  Lease lease;                       // where one is needed
  bool held = false;                 // by its user
  std::uint32_t failed_moves = 0;    // transfers from here that came to nothing
  std::uint32_t refusals = 0;        // of offers from here
  std::uint32_t hops = 0;            // moves so far
  std::uint32_t probes = 0;          // sent on its behalf so far, at any peer
  bool pinned = false;
  bool searching = false;  // a search is looking for a place for it; it may start here meanwhile
  Time wished_until = 0;   // until then searches' wishes wait for it elsewhere
  bool stopping = false;   // its end was asked for
  bool reported = false;   // a guest whose home node is being told of its end
  Phase phase = Phase::waiting;
  ExitStatus status;  // meaningful in `returning`
  std::uint32_t result_tries = 0;
  Time not_before = 0;  // when it may be offered to its home node again

  // Since it was submitted, wherever it has been.
  Duration age(Time now) const { return waited_before + now - arrived; }
  // One that may be begun anew must not reach the epochs that come then.
  bool has_epochs_left() const { return needs.lease == 0 || offered < last_epoch_beside(epoch); }
  bool has_process() const { return phase == Phase::running || phase == Phase::migrating; }
  // Requires has_process().
  Duration ran(Time now) const { return ran_before + now - started; }
};

class TaskTable {
 public:
  // Arrival order at this peer, oldest first: the key only grows.
  using ByArrival = std::map<std::uint64_t, Task>;

  TaskTable() = default;
  TaskTable(const TaskTable&) = delete;
  TaskTable& operator=(const TaskTable&) = delete;

  // Requires that the task is not in the table. `aging`: see LoadConfig.
  Task& add(const Task& task, Duration aging);
  // Requires that the task is in the table.
  void remove(TaskId id);
  Task* find(TaskId id);
  const Task* find(TaskId id) const;
  // All changes of phase go through here: counts and the start order follow.
  void set_phase(Task& task, Task::Phase phase);

  const ByArrival& all() const { return tasks_; }
  // One that is not startable is passed over by next_to_start().
  void set_startable(Task& task, bool startable);
  // The waiting task to start next: priority, raised by waiting time; first come first among
  // equals.
  Task* next_to_start();
  std::uint32_t count(Task::Phase phase) const { return counts_[static_cast<std::size_t>(phase)]; }

 private:
  struct Entry {
    std::uint64_t arrival;
    Time start_key;
    Task* task;
  };

  ByArrival tasks_;
  std::map<TaskId, Entry> index_;
  // All waiting tasks age alike, so their order never changes: arrival time less priority times
  // aging.
  std::set<std::pair<Time, std::uint64_t>> start_order_;
  std::uint32_t counts_[Task::kPhases] = {};
  std::uint64_t next_arrival_ = 0;
};

}  // namespace core
