#include "sim/faults/checker.h"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <variant>

#include "core/describe.h"

namespace sim::faults {
namespace {

using core::What;

std::string of(core::Epoch epoch) {
  return std::to_string(epoch);
}

}  // namespace

Checker::Checker(World& world, const Plan& plan) : world_(world), plan_(plan) {
  world.watch([this](const StepTaken& step) { check(step); });
}

const std::string& Checker::broken() {
  const auto& violations = world_.history().violations();
  if (broken_.empty() && !violations.empty()) broken_ = violations.front();
  return broken_;
}

void Checker::check(const StepTaken& step) {
  std::size_t performed = 0;
  for (const core::Action& action : step.actions) {
    const bool is_record = std::holds_alternative<core::Persist>(action);
    if (is_record ? step.committed : performed++ < step.performed)
      std::visit([&](const auto& one) { look_at(step, one); }, action);
  }
}

// --- What was committed

void Checker::look_at(const StepTaken& step, const core::Persist& persist) {
  using Record = core::Persist::What;
  const core::TaskId task = persist.task;
  written_.insert({step.node, task, persist.epoch, persist.what});
  if (persist.what == Record::handed_off) ++handoffs_;
  if (persist.what == Record::moved || persist.what == Record::restarted) {
    core::Epoch& known = at_home_[task];
    if (persist.epoch < known)
      breaks(task, "its home node goes back from epoch " + of(known) + " to " + of(persist.epoch));
    known = persist.epoch;
  }
  if (persist.what == Record::forgotten) forgotten_.insert(task);
  if (persist.what == Record::exited && persist.status.kind == core::ExitStatus::Kind::lost)
    interrupted_.insert(task);
  if (!plan_.journal) return;
  if (plan_.remembers()) check_held(task);
  check_memory(step.node, task);
}

void Checker::check_held(core::TaskId id) {
  const TaskHistory& task = world_.history().of(id);
  if (!task.accepted || task.ends > 0 || forgotten(id) || is_held(task)) return;
  breaks(id, "acknowledged, and no journal holds it");
}

bool Checker::is_held(const TaskHistory& task) const {
  const core::Journal& owner = world_.node(task.owner).journal;
  const auto owned = owner.owned.find(task.id);
  if (owned != owner.owned.end()) return owned->second.epoch == task.epoch;
  const auto decided = owner.decided.find(task.id);
  if (decided == owner.decided.end()) return false;
  const NodeIndex next = world_.index_of(decided->second.destination);
  const auto& prepared = world_.node(next).journal.prepared;
  const auto copy = prepared.find(task.id);
  return copy != prepared.end() && copy->second.epoch == decided->second.epoch;
}

// A restart must find what the node knew.
void Checker::check_memory(NodeIndex index, core::TaskId id) {
  const core::Node& node = world_.core(index);
  const core::Journal& journal = world_.node(index).journal;
  const core::Task* task = node.tasks().find(id);
  const auto owned = journal.owned.find(id);
  const bool on_disk = owned != journal.owned.end();
  if ((task != nullptr) != on_disk)
    return breaks(id, std::string("it is ") + (on_disk ? "only" : "not") + " in the journal of " +
                          world_.node(index).name);
  if (on_disk && (task->epoch != owned->second.epoch || task->hops != owned->second.hops))
    return breaks(id, "its journal has another epoch or number of moves");
  if (on_disk && task->arrived - task->waited_before != owned->second.since)
    return breaks(id, "a restart would not know when it was submitted");
  if (on_disk && (task->held != owned->second.held || task->needs != owned->second.needs))
    return breaks(id, "a restart would not know what its user wants");
  if (on_disk && task->offered > owned->second.offerable)
    return breaks(id, "offered at an epoch that a restart would offer again");
  for (const core::HandoffStatus& handoff : node.handoffs()) {
    if (handoff.task != id) continue;
    const std::string_view stage = handoff.stage;
    if (stage == "prepared" && !journal.prepared.contains(id))
      return breaks(id, "prepared, and the journal does not know");
    if (stage == "handed off" && !journal.decided.contains(id))
      return breaks(id, "handed over, and the journal does not know");
  }
  const core::HomeRecord* record = node.record(id);
  const auto entry = journal.home.find(id);
  if ((record != nullptr) != (entry != journal.home.end()))
    return breaks(id, "its home node's journal and memory differ");
  if (record != nullptr &&
      (record->epoch != entry->second.epoch || record->owner != entry->second.owner ||
       record->open() != (entry->second.state == core::HomeEntry::State::open)))
    breaks(id, "its home node's journal has another owner, epoch or state");
}

// --- What was performed

void Checker::look_at(const StepTaken& step, const core::Send& send) {
  check_told(step.node, send.message);
  if (const auto* offer = std::get_if<core::Offer>(&send.message))
    on_offer(step.node, *offer);
  else if (std::holds_alternative<core::Grant>(send.message))
    on_grant(step);
  else if (const auto* probe = std::get_if<core::Probe>(&send.message))
    on_probe(step.node, *probe);
}

// In this life of the node, or in an earlier one.
void Checker::check_written(NodeIndex node, core::TaskId task, core::Epoch epoch,
                            core::Persist::What what) {
  if (written_.contains({node, task, epoch, what})) return;
  breaks(task, world_.node(node).name + " acts upon \"" + core::record_name(what) + "\" at epoch " +
                   of(epoch) + ", which it has not written");
}

void Checker::check_told(NodeIndex node, const core::Message& message) {
  using Record = core::Persist::What;
  const auto needs = [&](const auto& told, Record what) {
    check_written(node, told.task, told.epoch, what);
  };
  if (const auto* prepared = std::get_if<core::Prepared>(&message))
    return needs(*prepared, Record::prepared);
  if (const auto* commit = std::get_if<core::Commit>(&message))
    return needs(*commit, Record::handed_off);
  if (const auto* committed = std::get_if<core::Committed>(&message))
    return needs(*committed, Record::owned);
  const auto* report = std::get_if<core::TaskReport>(&message);
  if (report == nullptr) return;
  if (report->owner != world_.node(node).id) return needs(*report, Record::handed_off);
  const bool ended =
      report->state == core::TaskState::returning || report->state == core::TaskState::finished;
  if (ended) needs(*report, Record::exited);
}

void Checker::on_offer(NodeIndex index, const core::Offer& offer) {
  core::Epoch& largest = offered_[{offer.task, core::restarts_of(offer.epoch)}];
  if (offer.epoch <= largest)
    breaks(offer.task, "offered at epoch " + of(offer.epoch) + " after " + of(largest));
  largest = std::max(largest, offer.epoch);
  const core::Node& node = world_.core(index);
  const core::LimitsConfig& limits = node.config().limits;
  const bool goes_home = offer.source_load == core::kLeaving;
  if (!goes_home && offer.hops >= limits.moves_per_task)
    breaks(offer.task, "offered after " + std::to_string(offer.hops) + " moves, the limit");
  std::uint32_t undecided = 0, running = 0;
  for (const core::HandoffStatus& handoff : node.handoffs()) {
    if (!handoff.outgoing || std::string_view(handoff.stage) == "handed off") continue;
    ++undecided;
    if (handoff.running) ++running;
  }
  if (undecided > limits.transfers_at_once)
    breaks(offer.task,
           std::to_string(undecided) + " transfers at once out of " + world_.node(index).name);
  if (offer.running && running > limits.migrations_at_once)
    breaks(offer.task,
           std::to_string(running) + " running tasks at once out of " + world_.node(index).name);
}

// A fresh one: the answer to an offer. Repeated ones reserve nothing more.
void Checker::on_grant(const StepTaken& step) {
  const auto* received = std::get_if<core::MessageReceived>(&step.event);
  if (received == nullptr) return;
  const auto* offer = std::get_if<core::Offer>(&received->message);
  if (offer == nullptr || offer->source_load == core::kLeaving) return;
  const bool fresh =
      std::any_of(step.actions.begin(), step.actions.end(), [](const core::Action& action) {
        return std::holds_alternative<core::ExpectBundle>(action);
      });
  if (!fresh) return;
  check_queue(step.node);
  const core::Node& node = world_.core(step.node);
  std::uint32_t reserved = 0, running = 0;
  for (const core::HandoffStatus& handoff : node.handoffs()) {
    if (std::string_view(handoff.stage) != "reserved") continue;
    ++reserved;
    if (handoff.running) ++running;
  }
  if (reserved > node.config().limits.transfers_at_once)
    breaks(offer->task,
           std::to_string(reserved) + " reservations at " + world_.node(step.node).name);
  if (offer->running && running > node.config().limits.migrations_at_once)
    breaks(offer->task,
           std::to_string(running) + " running tasks expected at " + world_.node(step.node).name);
}

void Checker::check_queue(NodeIndex index) {
  const core::Node& node = world_.core(index);
  const std::uint32_t waiting = node.tasks().count(core::Task::Phase::waiting);
  if (waiting + node.reserved() > node.config().limits.queue_length)
    breaks({}, world_.node(index).name + " has more tasks in its queue than it may");
}

void Checker::look_at(const StepTaken& step, const core::Accepted& accepted) {
  check_written(step.node, accepted.task, 1, core::Persist::What::submitted);
  // One that had to wait for the journal was taken under an earlier configuration.
  if (std::holds_alternative<core::TaskSubmitted>(step.event)) check_queue(step.node);
}

void Checker::look_at(const StepTaken& step, const core::RestartTask& restart) {
  check_written(step.node, restart.task, restart.epoch, core::Persist::What::restarted);
}

void Checker::look_at(const StepTaken& step, const core::StartTask& start) {
  check_written(step.node, start.task, start.epoch, core::Persist::What::started);
  const core::Node& node = world_.core(step.node);
  if (node.tasks().count(core::Task::Phase::running) > node.config().load.slots)
    breaks(start.task, "started without a free slot");
}

void Checker::look_at(const StepTaken& step, const core::Trace& trace) {
  switch (trace.what) {
    case What::search_started:
      return begin_search(step.node, trace);
    case What::search_succeeded:
    case What::search_gave_up:
    case What::search_moot:
      searches_.erase({step.node, static_cast<std::uint32_t>(trace.a)});
      return;
    default:
      return;
  }
}

void Checker::begin_search(NodeIndex node, const core::Trace& trace) {
  const auto id = static_cast<std::uint32_t>(trace.a);
  searches_[{node, id}] = {static_cast<std::uint32_t>(trace.c), 0,
                           static_cast<core::Role>(trace.b)};
}

void Checker::on_probe(NodeIndex node, const core::Probe& probe) {
  const auto found = searches_.find({node, probe.search});
  if (found == searches_.end()) return breaks({}, "a probe without a search");
  if (++found->second.sent > found->second.limit)
    breaks({}, world_.node(node).name + " sends more probes in a search than it may");
}

void Checker::breaks(core::TaskId task, const std::string& what) {
  if (!broken_.empty()) return;
  broken_ = task ? "task " + std::to_string(task.serial) + ": " + what : what;
}

}  // namespace sim::faults
