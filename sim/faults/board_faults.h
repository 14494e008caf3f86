// The incidents of a plan as a world suffers them: each begins, and is made good when it is over.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/rng.h"
#include "sim/faults/plan.h"
#include "sim/world.h"

namespace sim::faults {

class BoardFaults {
 public:
  // Both must live as long as it.
  BoardFaults(World& world, const Plan& plan);
  BoardFaults(const BoardFaults&) = delete;
  BoardFaults& operator=(const BoardFaults&) = delete;

  // When the next incident begins or ends; kNever after the last.
  core::Time next() const;
  // Begins and ends what is due.
  void strike();
  // All boards and the network are well again, those that are down are started.
  void heal();
  void start_all();
  // Those that have handed over all they had take tasks again.
  void use_emptied();
  bool cancelled(core::TaskId task) const { return cancelled_.contains(task); }
  // Has a board lost power or been drained?
  bool any_gone() const { return any_gone_; }

 private:
  void begin(const Incident& incident);
  void end(const Incident& incident);
  void submit(const Incident& incident);
  void cancel(const Incident& incident);
  void wish(const Incident& incident);
  void drain(const Incident& incident);
  void reconfigure(const Incident& incident);
  void crash(const Incident& incident);
  void part(const Incident& incident);
  void run_out_of_memory(NodeIndex node, bool out);
  void bombard(const Incident& incident);
  void evacuate(NodeIndex node, bool on);
  void fail_journal(const Incident& incident, bool fails);
  bool is_up(NodeIndex node) const;

  World& world_;
  const Plan& plan_;
  // By time: begins and ends, as they come.
  std::multimap<core::Time, std::pair<const Incident*, bool>> due_;
  core::Rng rng_;
  std::set<core::TaskId> cancelled_;
  bool any_gone_ = false;
};

}  // namespace sim::faults
