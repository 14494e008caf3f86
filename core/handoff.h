// Moving a task: a two-phase commit in which the source's record decides.
//
//     source                            destination
//     Offer                        ->   Grant (a reservation) or Reject
//     bundle                       ->   persist `prepared`
//                                  <-   Prepared, repeated
//     persist `handed_off`
//     Commit, repeated             ->   persist `owned`
//                                  <-   Committed
//
// Before `handed_off` every failure means abort: the source keeps its task, the destination drops
// what it has. After it every failure means forward. The destination in doubt asks by repeating
// Prepared; the source answers Commit or Abort. Nobody guesses: no task is lost and none runs
// twice.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "core/context.h"
#include "core/event.h"
#include "core/message.h"
#include "core/task.h"

namespace core {

// A task on its way out of this peer. The task itself stays in the task table until handed off.
struct Outgoing {
  enum class Stage : std::uint8_t { offered, transferring, handed_off };
  TaskId task;
  Epoch epoch = 0;  // the destination's
  PeerId peer = PeerId::none;
  std::uint32_t hops = 0;    // before this move
  std::uint32_t search = 0;  // of this peer as a sender; 0 if it answers a request or goes home
  Stage stage = Stage::offered;
  std::uint32_t tries = 0;  // Commits sent
  bool running = false;     // its process goes along
  Time granted_at = 0;
};

// A task on its way to this peer.
struct Incoming {
  enum class Stage : std::uint8_t { reserved, prepared };
  TaskId task;
  Epoch epoch = 0;
  PeerId peer = PeerId::none;
  Needs needs;
  std::uint32_t hops = 0;
  std::uint32_t probes = 0;
  Time since = 0;            // when it was submitted, by this peer's clock: may be negative
  std::uint32_t search = 0;  // of this peer as a receiver; 0 if unasked
  bool holds_slot = false;   // it starts before all that waits here
  bool running = false;      // its process comes along
  Duration ran = 0;          // how long that has run before
  Stage stage = Stage::reserved;
  Time granted_at = 0;
  Time expires = 0;           // the reservation
  bool stranded = false;      // prepared, and the source is gone
  bool process_lost = false;  // prepared with a process that this board has lost since
  std::uint32_t tries = 0;    // Grants, then Prepareds sent
};

class Outgoings {
 public:
  explicit Outgoings(Context& context) : context_(context) {}

  // The task's phase is the caller's to set: leaving from here until kept or handed off.
  // `wanted`: by its user.
  void offer(Task& task, PeerId peer, std::uint32_t search, std::uint32_t answers, Load source_load,
             bool wanted = false);
  // A decision that the journal remembers.
  void recover(TaskId task, Epoch epoch, PeerId peer);
  const Outgoing* find(TaskId task) const;
  const std::map<TaskId, Outgoing>& all() const { return all_; }
  // Those that hold a place in `transfers_at_once`.
  std::uint32_t undecided() const { return undecided_; }
  // Granted ones, which no longer count into this peer's load.
  std::uint32_t granted() const { return granted_; }

  void on_grant(PeerId from, const Grant& grant);
  // Handed back if the peer refused: the task stays.
  std::optional<Outgoing> on_reject(PeerId from, const Reject& reject);
  // Handed back if the transfer failed: the task stays.
  std::optional<Outgoing> on_bundle_sent(const BundleSent& event);
  // Handed back if the task is now the destination's. An outdated Prepared is answered here.
  std::optional<Outgoing> on_prepared(PeerId from, const Prepared& prepared);
  // The destination has lost the process that it had prepared. Handed back if it is still time: the
  // task stays.
  std::optional<Outgoing> on_lost_copy(PeerId from, const Prepared& prepared);
  void on_committed(PeerId from, const Committed& committed);
  std::optional<Outgoing> on_abort(PeerId from, const Abort& abort);
  // The timer: an undecided one is called off and handed back, a decided one repeats Commit.
  std::optional<Outgoing> on_timer(TaskId task);
  // Calls off what is undecided: the task stays. Nothing if it is decided or unknown.
  std::optional<Outgoing> call_off(TaskId task);
  // All undecided ones to that peer.
  std::vector<Outgoing> call_off_all(PeerId peer);
  // The task was offered back at a later epoch: its next owner has long had the Commit.
  void superseded(TaskId task, Epoch epoch);
  // The peer will not be heard of again: decided ones are given up.
  void forget(PeerId peer);

 private:
  Outgoing* undecided(TaskId task, Epoch epoch, PeerId peer);
  Outgoing take(TaskId task);
  void send_commit(Outgoing& outgoing);

  Context& context_;
  std::map<TaskId, Outgoing> all_;
  std::uint32_t undecided_ = 0;
  std::uint32_t granted_ = 0;
};

class Incomings {
 public:
  explicit Incomings(Context& context) : context_(context) {}

  const std::map<TaskId, Incoming>& all() const { return all_; }
  // Those that count into this peer's load. What hangs in doubt until a dead source comes back does
  // not, or it would keep others out for as long.
  std::uint32_t count() const;
  std::uint32_t slots_held() const;
  std::uint32_t running() const;  // of those that count, with their processes
  // A repeated offer of a task that is on its way already: answered here, true.
  bool repeated(PeerId from, const Offer& offer);
  void grant(PeerId from, const Offer& offer, std::uint32_t search, bool holds_slot);
  // A prepared copy that the journal remembers.
  void recover(const Incoming& prepared);
  // An offer at a later epoch proves that an earlier one was called off: what is left of it goes.
  // False if the task is on its way here at that epoch or a later one.
  bool supersede(TaskId task, Epoch epoch);

  void on_bundle_received(const BundleReceived& event);
  // Handed back if the task is now this peer's. A repeated or outdated Commit is not answered here;
  // where there is a mere reservation it shows that a late copy of the offer came after the task
  // had been and gone, and the reservation ends.
  std::optional<Incoming> on_commit(PeerId from, const Commit& commit);
  void on_abort(PeerId from, const Abort& abort);
  void on_timer(TaskId task);
  // The source is gone: reservations end; what is prepared stays in doubt until it is heard again.
  void source_gone(PeerId peer);
  // The source will not be heard of again.
  void forget(PeerId peer);

 private:
  Incoming* find(TaskId task, Epoch epoch, PeerId peer);
  // Repeated until the source acts: one that knows nothing of it answers Abort.
  void send_grant(Incoming& incoming);
  void send_prepared(Incoming& incoming);
  void drop(TaskId task, What why);

  Context& context_;
  std::map<TaskId, Incoming> all_;
};

}  // namespace core
