// The home node's side of a task: the record that stands for it to its user, wherever it runs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/context.h"
#include "core/message.h"
#include "core/types.h"

namespace core {

// Where a task is and how it ended. Kept until pushed out by newer ones
// (LimitsConfig::finished_tasks) or too old (LimitsConfig::retention).
struct HomeRecord {
  TaskId task;
  PeerId owner = PeerId::none;
  Epoch epoch = 0;
  TaskState state = TaskState::waiting;
  ExitStatus status;  // in states finished and lost
  std::uint32_t moves = 0;
  std::uint32_t probes = 0;
  Time submitted = 0;
  Time ended = 0;
  bool cancelling = false;
  Needs needs;
  bool pinned = false;
  Time leased_until = 0;  // to whatever owner, by this peer's clock
  bool orphan = false;    // its owner is gone: begun anew once the lease has run out

  bool open() const { return state != TaskState::finished && state != TaskState::lost; }
};

struct HomeEntry;

class HomeRecords {
 public:
  explicit HomeRecords(Context& context) : context_(context) {}

  void add(TaskId task, const Needs& needs, bool pinned);
  // As the journal remembers it: in doubt while it is open and its owner has not spoken.
  void recover(TaskId task, const HomeEntry& entry);
  const HomeRecord* find(TaskId task) const;
  std::vector<const HomeRecord*> all() const;
  bool has_open() const { return !open_.empty(); }
  bool has_lost() const;  // one that may yet be found again

  // What an owner says, this node among them, or the source of a handoff of its destination, who
  // has to confirm it or will be asked. Older news is not believed: neither an older epoch nor,
  // within one, an earlier state. False if it must be said again to be judged: the owner is taken
  // for dead, and this may be late news of one that is.
  bool report(const TaskReport& report, PeerId reporter);
  // The user's wish. True if it was noted: the task has not ended and was not being cancelled.
  bool cancel(TaskId task);

  // The owners of open records.
  void owners(std::vector<PeerId>& into) const;
  void owner_gone(PeerId owner);
  // The owner came back: does it still have what it had?
  void enquire(PeerId owner);
  // Forgets the ended that are too many or too old; a timer will see to the next.
  void retire();
  // May that owner run the task, from now on for a whole lease? True: granted. False: it is none of
  // its business any more. Nothing if it must be asked again to be judged.
  std::optional<bool> lease(const LeaseAsk& ask, PeerId from);
  void on_lease_timer(TaskId task);
  // Those that nobody runs or may run any more, and that are to be begun anew.
  std::vector<TaskId> vacant() const;
  // This peer owns it from now on, at an epoch that no earlier owner can reach.
  const HomeRecord& begin_anew(TaskId task);
  // Asks after one open record, another one each time: an owner that has forgotten this node for
  // its long silence says nothing of what it held for it. What this node itself should have by now
  // and `is_here` denies is lost: its source decided to bring it home, and came back without
  // memory.
  void ask_next(const std::function<bool(TaskId)>& is_here);
  // Repeats what was not answered: cancellations and enquiries.
  void on_enquiry_timer(TaskId task);

 private:
  HomeRecord* lookup(TaskId task);
  bool is_heard(PeerId owner) const;
  void end(HomeRecord& record, TaskState state, ExitStatus status);
  void lose(HomeRecord& record);
  bool can_begin_anew(const HomeRecord& record) const;
  void await_lease_end(HomeRecord& record);
  void owner_speaks(HomeRecord& record);
  void ask(HomeRecord& record, std::uint32_t tries);
  void ask_later(TaskId task);
  void stop_asking(TaskId task);

  Context& context_;
  std::map<std::uint64_t, HomeRecord> records_;  // by serial
  std::set<std::uint64_t> open_;
  std::set<std::uint64_t> vacant_;
  std::uint64_t asked_last_ = 0;
  std::set<std::pair<Time, std::uint64_t>> ended_;  // when, serial
  std::map<std::uint64_t, std::uint32_t> asking_;   // serials asked about, and how often
};

}  // namespace core
