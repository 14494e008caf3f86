#include "sim/faults/trial.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "policies/registry.h"
#include "sim/faults/board_faults.h"
#include "sim/faults/checker.h"
#include "sim/transcript.h"
#include "sim/world.h"

namespace sim::faults {
namespace {

using core::ExitStatus;
using core::kMillisecond;
using core::kSecond;

constexpr core::Duration kSettlesWithin = 300 * kSecond;
constexpr std::uint64_t kMaxSteps = 200'000;
constexpr core::Duration kQuiet = 3 * kSecond;
constexpr core::Duration kBalanced = 4 * kSecond;
constexpr core::Duration kEmptied = 20 * kSecond;

class Trial {
 public:
  Trial(const Plan& plan, const TrialOptions& options)
      : plan_(plan),
        world_({.seed = plan.seed, .sabotage = plan.sabotage}),
        faults_(world_, plan_) {
    if (options.transcript_lines > 0)
      transcript_ = std::make_unique<Transcript>(world_, Transcript::Keep::lines);
    checker_ = std::make_unique<Checker>(world_, plan);
    lines_ = options.transcript_lines;
    for (NodeIndex i = 0; i < plan.nodes(); ++i) {
      NodeOptions node{.config = config_of(plan.config, plan.slots[i]),
                       .journal = plan.journal,
                       .migrates = plan.migrates};
      if (i > 0) node.seeds = {0};
      world_.add(node);
    }
  }

  Verdict carry_out() {
    storm();
    faults_.heal();
    // Who believed mutated messages owes nobody anything.
    if (plan_.gullible)
      run_for(10 * kSecond);
    else if (settles() && ends_are_right() && stays_quiet() && stays_balanced())
      empties();
    Verdict verdict;
    verdict.broken = broken_;
    verdict.at = world_.now();
    verdict.events = world_.events();
    if (transcript_) verdict.transcript = end_of_transcript();
    return verdict;
  }

 private:
  void storm();
  void run_for(core::Duration duration);
  bool run_until(core::Time time);
  bool settles();
  std::string unsettled() const;
  std::string unsettled(const TaskHistory& task) const;
  std::string left_over(NodeIndex node) const;
  bool excused() const;
  bool ends_are_right();
  std::string wrong_end(const TaskHistory& task) const;
  static bool ran_through(const TaskHistory& task);
  bool stays_quiet();
  bool stays_balanced();
  bool empties();
  bool fails(const std::string& what);
  std::string end_of_transcript() const;

  const Plan& plan_;
  World world_;
  BoardFaults faults_;
  std::unique_ptr<Transcript> transcript_;
  std::unique_ptr<Checker> checker_;
  std::size_t lines_ = 0;
  std::string broken_;
};

// False as soon as a promise is broken.
bool Trial::run_until(core::Time time) {
  while (broken_.empty() && world_.advance(time)) {
    if (!plan_.gullible) broken_ = checker_->broken();
    if (world_.events() > kMaxSteps) fails("goes on and on without coming to rest");
  }
  if (broken_.empty()) world_.run_until(time);
  return broken_.empty();
}

void Trial::run_for(core::Duration duration) {
  run_until(world_.now() + duration);
}

void Trial::storm() {
  while (broken_.empty() && faults_.next() < plan_.storm_ends)
    if (run_until(faults_.next())) faults_.strike();
  run_until(plan_.storm_ends);
}

// --- Calm weather

bool Trial::settles() {
  const core::Time limit = world_.now() + kSettlesWithin;
  std::string why = unsettled();
  while (broken_.empty() && !why.empty()) {
    if (world_.now() >= limit) return fails("does not settle: " + why);
    run_for(500 * kMillisecond);
    // Those that had been told to drain have left by now, or are empty.
    faults_.start_all();
    faults_.use_emptied();
    why = unsettled();
  }
  return broken_.empty();
}

std::string Trial::unsettled() const {
  for (const TaskHistory& task : world_.history().tasks()) {
    std::string why = unsettled(task);
    if (!why.empty()) return why;
  }
  for (NodeIndex node = 0; node < world_.size(); ++node) {
    if (world_.core(node).draining()) return world_.node(node).name + " is still draining";
    std::string why = left_over(node);
    if (!why.empty()) return why;
  }
  return "";
}

std::string Trial::unsettled(const TaskHistory& task) const {
  if (!task.accepted || task.ends > 0 || checker_->forgotten(task.id)) return "";
  const core::HomeRecord* record = world_.core(task.home).record(task.id);
  const std::string name = "task " + std::to_string(task.id.serial);
  if (record == nullptr) return excused() ? "" : name + " is not known to its home node";
  if (!record->open()) return excused() ? "" : name + " is lost";
  return name + " is " + core::to_string(record->state) + " at " + world_.name(record->owner);
}

std::string Trial::left_over(NodeIndex index) const {
  const VirtualNode& node = world_.node(index);
  const std::size_t left = node.core->tasks().all().size() + node.core->handoffs().size() +
                           node.processes.size() + node.frozen.size() + node.restored.size() +
                           node.dumps.size() + node.restores.size() + node.files.size() +
                           node.expected.size() + node.sending.size() + node.ended.size();
  if (left > 0) return "something of a task stays at " + node.name;
  if (node.outbox.holds()) return node.name + " still waits for its journal";
  const core::Journal& journal = node.journal;
  if (!journal.owned.empty() || !journal.prepared.empty() || !journal.decided.empty())
    return "something of a task stays in the journal of " + node.name;
  return "";
}

// Without a journal whoever goes takes tasks along, and for whoever is forgotten nothing is kept.
bool Trial::excused() const {
  return (!plan_.journal && faults_.any_gone()) || !plan_.remembers();
}

bool Trial::ends_are_right() {
  for (const TaskHistory& task : world_.history().tasks()) {
    const std::string wrong = task.ends > 0 && !excused() ? wrong_end(task) : "";
    if (!wrong.empty()) return fails("task " + std::to_string(task.id.serial) + ": " + wrong);
  }
  return true;
}

std::string Trial::wrong_end(const TaskHistory& task) const {
  switch (task.status.kind) {
    case ExitStatus::Kind::exited:
    case ExitStatus::Kind::signaled:
      if (task.status != task.job.status)
        return "recorded as " + core::to_string(task.status) + ", but its process ended with " +
               core::to_string(task.job.status);
      if (!ran_through(task)) return "ended without having run to its end";
      return task.results == 0 ? "its results have not reached its home node" : "";
    case ExitStatus::Kind::cancelled:
      return faults_.cancelled(task.id) ? "" : "recorded as cancelled, but nobody cancelled it";
    case ExitStatus::Kind::failed:
      return "recorded as failed";
    case ExitStatus::Kind::lost:
      if (task.job.restarts) return "lost, though it was to be begun anew";
      return checker_->interrupted(task.id) ? "" : "lost, but no board took its process along";
  }
  return "";
}

// One process from beginning to end, wherever its parts ran.
bool Trial::ran_through(const TaskHistory& task) {
  // A frozen one whose board lost power had been handed over before.
  const auto moved = [](const Run& run) {
    return run.end == Run::End::moved || (run.end == Run::End::crashed && run.frozen);
  };
  if (task.runs.empty() || task.runs.back().end != Run::End::exited) return false;
  const std::uint32_t restarts = core::restarts_of(task.runs.back().epoch);
  return std::all_of(task.runs.begin(), task.runs.end() - 1, [&](const Run& run) {
    return core::restarts_of(run.epoch) < restarts || moved(run);
  });
}

bool Trial::stays_quiet() {
  const std::uint64_t before = checker_->handoffs();
  run_for(kQuiet);
  if (broken_.empty() && checker_->handoffs() != before) fails("an idle cluster moves a task");
  return broken_.empty();
}

// One task more than slots everywhere: there is something to move, but nobody has reason to.
// `random` has: it sends what is too much to whomever it draws.
bool Trial::stays_balanced() {
  const std::vector<std::string> presets = policies::preset_names();
  const std::string preset = presets[plan_.seed % presets.size()];
  const std::uint32_t more = preset == "random" ? 0 : 1;
  core::Config config;
  config.policy = policies::preset(preset).value();
  if (config.policy.transfer == "lookahead") config.policy.transfer = "threshold";
  config.membership.view = plan_.config.membership.view;  // needs a restart
  for (NodeIndex node = 0; node < world_.size(); ++node)
    world_.reconfigure(node, config_of(config, plan_.slots[node]));
  run_for(kSecond);
  const std::uint64_t before = checker_->handoffs();
  for (NodeIndex node = 0; node < world_.size(); ++node)
    for (std::uint32_t task = 0; task < plan_.slots[node] + more; ++task)
      world_.submit(node, {.service = kBalanced});
  run_for(kBalanced - kMillisecond);
  if (broken_.empty() && checker_->handoffs() != before)
    fails("a balanced cluster moves a task under preset " + preset);
  return broken_.empty() && settles() && ends_are_right();
}

// A board whose tasks the others have room for, which run for longer than it takes to bring them
// there; only one in four, for it takes long.
bool Trial::empties() {
  const auto board = static_cast<NodeIndex>(plan_.seed % world_.size());
  if (plan_.seed % 4 != 0 || !plan_.migrates) return true;
  std::uint32_t room = 0;
  for (NodeIndex node = 0; node < world_.size(); ++node)
    if (node != board) room += plan_.slots[node];
  for (std::uint32_t task = 0; task < std::min(room, plan_.slots[board]); ++task)
    world_.submit(board, {.service = 2 * kEmptied});
  run_for(kSecond);
  world_.evacuate(board);
  run_for(kEmptied);
  if (broken_.empty() && !world_.node(board).emptied)
    fails(world_.node(board).name + " should be empty, and others have room");
  return broken_.empty() && settles() && ends_are_right();
}

bool Trial::fails(const std::string& what) {
  if (broken_.empty()) broken_ = what;
  return false;
}

std::string Trial::end_of_transcript() const {
  const auto& lines = transcript_->lines();
  std::string text;
  for (std::size_t i = lines.size() - std::min(lines.size(), lines_); i < lines.size(); ++i)
    text += lines[i] + '\n';
  return text;
}

}  // namespace

Verdict carry_out(const Plan& plan, const TrialOptions& options) {
  return Trial(plan, options).carry_out();
}

}  // namespace sim::faults
