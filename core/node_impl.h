// The node's inside: a mediator. Its parts (membership, searches, handoffs, records) know the
// shared Context but not each other; what one of them hands back is routed here.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "core/context.h"
#include "core/handoff.h"
#include "core/home.h"
#include "core/journal.h"
#include "core/membership.h"
#include "core/node.h"
#include "core/report.h"
#include "core/search.h"
#include "core/wishes.h"

namespace core {

class Node::Impl {
 public:
  Impl(Identity identity, std::shared_ptr<const Config> config, PolicyFactory factory,
       std::vector<Endpoint> seeds, std::uint64_t seed, Journal journal,
       std::shared_ptr<Counters> counters, Sabotage sabotage);

  // node.cpp: events in, actions out
  void step(Time now, const Event& event, Actions& actions);
  void on(const Tick&);
  void on(const MessageReceived& event);
  void on(const LoadSampled& event);
  void on(const Reconfigured& event);
  void on(const SeedsChanged& event) { membership.set_seeds(event.seeds); }
  void on_timer(const TimerKey& key);
  void receive(PeerId from, const Endpoint& from_endpoint, const Header& header,
               const Message& message);
  void react(const PeerChange& change);
  void drop_guests(PeerId home_node);
  void settle();
  void complete_headers();
  void configure();

  // business.cpp: whom this peer deals with, whether its bounded view holds them or not
  void introduce(const MessageReceived& event);
  std::vector<PeerId> business();

  // node_tasks.cpp: the life of a task at its owner and at its home node
  void on(const TaskSubmitted& event);
  void on(const SubmissionTurnedAway& event);
  void refuse(TaskId task, Veto veto);
  void on(const CancelRequested& event);
  void on(const TaskExited& event);
  void on(const ResultsSent& event);
  void on(const TaskMeasured& event);
  void on(const HoldRequested& event);
  void on(const TaskReport& report, PeerId from, const Endpoint& from_endpoint);
  void on(const TaskReportAck& ack);
  void on(const TaskQuery& query, PeerId from);
  void start_tasks();
  void start(Task& task);
  bool has_free_slot() const;
  void stop(TaskId id);
  void stop_if_cancelled(TaskId task);
  void end(Task& task, ExitStatus status);
  void send_results(const Task& task);
  void report_end(Task& task);
  void tell_home(const Task& task, TaskState state);
  void discard(const Task& task);
  TaskReport report_of(const Task& task, TaskState state) const;
  TaskState state_of(const Task& task) const;
  bool is_here(TaskId task) const;

  // node_recovery.cpp: what the journal remembers
  void recover();
  void recover_copy(TaskId id, const PreparedCopy& copy);
  void recover_task(TaskId id, const OwnedTask& owned);
  void recover_process(Task& task, Time until);
  void interrupt(Task& task);  // its process is gone, and not by its own doing

  // node_lease.cpp: tasks that are begun anew when their owner is gone
  bool needs_lease(const Task& task) const;
  void ask_for_lease(Task& task);
  void await_lease(Task& task);
  void set_lease_timer(const Task& task);
  void on_lease_timer(TaskId task);
  void on(const LeaseAsk& ask, PeerId from);
  void on(const LeaseReply& reply, PeerId from);
  void lease_ran_out(Task& task);
  void freeze(Task& task);
  void give_up(Task& task);  // without a word: somebody else has it, or nobody waits for it
  void drop_unleased(PeerId home_node);
  void begin_anew();
  void begin_anew(TaskId task);

  // node_balance.cpp: load, roles and searches
  void on(const Probe& probe, PeerId from);
  void on(const ProbeReply& reply, PeerId from);
  void on(const LoadReport& report, PeerId from);
  void on(const Withdraw& withdraw, PeerId from);
  View view() const;
  Load load() const;
  std::uint32_t present() const;  // waiting and running, what is granted away not counted
  void sample_load();
  void note_idleness(Duration elapsed);
  void report_load();
  void classify();
  void search_upon_changes();
  Duration pause_before_search();
  void look_for(Role role);
  void seek_again();
  void proceed(std::uint32_t search);
  void follow(const Chosen& chosen);
  void request_timed_out(std::uint32_t search);
  void resume_refused();
  void learn(PeerId peer, Load load, Role role);
  PeerId referral_for(const Probe& probe, PeerId from);
  void withdraw_wishes(TaskId task, PeerId except = PeerId::none);
  std::uint32_t movable_count() const;
  std::optional<TaskId> select(PeerId receiver);
  bool may_go(const Task& task) const;
  void trace_stuck(const View& now);

  // node_handoff.cpp: tasks given and taken
  void on(const Request& request, PeerId from);
  void on(const Reject& reject, PeerId from);
  void on(const BundleSent& event);
  void on(const Prepared& prepared, PeerId from);
  void on(const Decline& decline, PeerId from);
  void on(const Offer& offer, PeerId from);
  void on(const BundleReceived& event);
  void on(const Commit& commit, PeerId from);
  void on(const MigrateRequested& event);
  Veto veto_on_wish(const Task* task, PeerId to) const;
  Veto full_for(const Task& task) const;
  bool migrations_full() const;
  void trace_full(Veto veto, TaskId task, PeerId peer);
  PeerId least_loaded() const;
  void offer(Task& task, PeerId to, std::uint32_t search, std::uint32_t answers,
             bool wanted = false);
  void decline(std::uint32_t search, PeerId to, Veto veto);
  // A handoff came to nothing: the task stays, and the search that chose the peer goes on.
  void kept(const Outgoing& outgoing, Load load = 0, Role role = Role::ok, Veto veto = Veto::none);
  void tell_of_move(TaskId task, Epoch epoch, PeerId to, std::uint32_t hops, std::uint32_t probes);
  void settle_decision(TaskId task);
  void settle_decisions();
  Veto veto_on(const Needs& needs) const;
  Veto veto_on_running(const Offer& offer) const;
  Veto submission_veto() const;
  bool remembers(PeerId peer) const;
  Veto judge(const Offer& offer, bool yields);

  // node_departure.cpp: a board that is to be empty
  void on(const DrainRequested&);
  void on(const EvacuateRequested& event);
  void give_away();
  bool is_to_leave(const Task& task) const;
  bool may_be_handed_back(const Task& task) const;
  void hand_back(Task& task);
  bool may_be_handed_over(const Task& task) const;
  void hand_over(Task& task);
  void try_to_empty_again();
  bool handoffs_settled() const;
  void depart(MemberState as, bool in_order);
  Task* next_to_start();
  void note_emptiness();

  Context context;
  PolicyFactory factory;
  PolicySet policies;
  TaskTable tasks;
  Membership membership;
  Wishes wishes;
  WishesLeft wishes_left;
  Searches searches;
  Outgoings outgoings;
  Incomings incomings;
  HomeRecords home;
  Reports reports;
  std::unique_ptr<const Journal> recovered;        // until the first step
  std::map<std::pair<TaskId, Epoch>, Time> alive;  // likewise: keep_running()
  std::set<TaskId> slots_kept;        // for restored processes that wait for their first lease
  std::map<TaskId, Epoch> unsettled;  // handed over, and not all who must know it do

  Role role = Role::ok;
  std::int64_t smoothed_thousandths = 0;  // of waiting + running, in tasks
  LoadSampled sampled{.memory_available_bytes = UINT64_MAX, .disk_available_bytes = UINT64_MAX};
  bool memory_pressure = false;
  Duration run_time = -1;      // see View
  Duration handoff_time = -1;  // of tasks that waited
  MigrationCost migration_cost;
  std::int32_t idle_thousandths = -1;
  std::int64_t idle_slot_time = 0;  // slots * us, since
  Time idle_since = 0;
  bool begun = false;
  bool drained = false;
  bool evacuating = false;  // implies context.draining
  bool emptied = false;
  // What this step brought that policies act upon.
  std::uint32_t arrivals = 0;
  TaskId stays;  // has come by its last move
  bool departed = false;
  bool succeeded = false;              // a search has just moved a task
  std::vector<std::uint32_t> refused;  // searches whose chosen peer refused
};

}  // namespace core
