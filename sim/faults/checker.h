// The promises of the system, checked after every step. A check looks at the node and the tasks of
// that step alone: it costs the same however large the world is.
//
// - An acknowledged task is never lost: some journal always holds it, until its end is recorded
//   or its home node has been gone for longer than others remember it.
// - At most one copy runs, and none twice at an epoch; an end is recorded once (sim::History).
// - Epochs only grow: no epoch is offered twice, and no home record goes back.
// - What a node knows of a task is what its journal says.
// - Nothing is told, started or acknowledged before it is written.
// - Slots, probes per search, searches, transfers and moves stay within their limits, and queues
//   where something is added to them.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "sim/faults/plan.h"
#include "sim/world.h"

namespace sim::faults {

class Checker {
 public:
  // Follows the world from now on. Must live as long as it, and not longer than the plan.
  Checker(World& world, const Plan& plan);
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  // The first promise that was broken; empty so far.
  const std::string& broken();
  // How many tasks were handed over.
  std::uint64_t handoffs() const { return handoffs_; }
  // Did its process die with a board?
  bool interrupted(core::TaskId task) const { return interrupted_.contains(task); }
  // Has its home node told its end and dropped the record since, having too many?
  bool forgotten(core::TaskId task) const { return forgotten_.contains(task); }

 private:
  struct Probing {
    std::uint32_t limit = 0;
    std::uint32_t sent = 0;
    core::Role role = core::Role::sender;
  };
  using SearchId = std::pair<NodeIndex, std::uint32_t>;

  void check(const StepTaken& step);
  void look_at(const StepTaken& step, const core::Persist& persist);
  void look_at(const StepTaken& step, const core::Send& send);
  void look_at(const StepTaken& step, const core::StartTask& start);
  void look_at(const StepTaken& step, const core::Accepted& accepted);
  void look_at(const StepTaken& step, const core::RestartTask& restart);
  void look_at(const StepTaken& step, const core::Trace& trace);
  template <typename Action>
  void look_at(const StepTaken&, const Action&) {}
  void check_written(NodeIndex node, core::TaskId task, core::Epoch epoch,
                     core::Persist::What what);
  void check_told(NodeIndex node, const core::Message& message);
  void on_offer(NodeIndex node, const core::Offer& offer);
  void on_grant(const StepTaken& step);
  void on_probe(NodeIndex node, const core::Probe& probe);
  void begin_search(NodeIndex node, const core::Trace& trace);
  void check_queue(NodeIndex node);
  void check_held(core::TaskId task);
  bool is_held(const TaskHistory& task) const;
  void check_memory(NodeIndex node, core::TaskId task);
  void breaks(core::TaskId task, const std::string& what);

  World& world_;
  const Plan& plan_;
  std::string broken_;
  std::uint64_t handoffs_ = 0;
  // The largest, since the task was begun anew so many times.
  std::map<std::pair<core::TaskId, std::uint32_t>, core::Epoch> offered_;
  std::map<core::TaskId, core::Epoch> at_home_;  // as its home node has it
  std::set<std::tuple<NodeIndex, core::TaskId, core::Epoch, core::Persist::What>> written_;
  std::set<core::TaskId> interrupted_;
  std::set<core::TaskId> forgotten_;
  std::map<SearchId, Probing> searches_;
};

}  // namespace sim::faults
