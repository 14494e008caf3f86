#include "peerd/tables.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "peerd/clock.h"
#include "peerd/home_tasks.h"

namespace peerd {
namespace {

std::string moving_words(const core::HandoffStatus& handoff, const core::Node& node) {
  return std::string(handoff.stage) + (handoff.outgoing ? " to " : " from ") +
         node.name(handoff.peer);
}

net::TaskRow home_row(const Driver& driver, const core::HomeRecord& record) {
  const core::Node& node = driver.node();
  net::TaskRow row;
  row.task = driver.name_of(record.task);
  row.state = core::to_string(record.state);
  if (record.state == core::TaskState::finished &&
      record.status.kind != core::ExitStatus::Kind::exited)
    row.state = core::to_string(record.status);
  row.owner = node.name(record.owner);
  if (const HomeTask* task = driver.home_task(record.task)) {
    row.command = task->command;
    row.priority = task->priority;
  }
  row.age_us = monotonic_now() - record.submitted;
  row.ended = !record.open();
  if (row.ended) row.response_us = record.ended - record.submitted;
  row.moves = record.moves;
  row.probes = record.probes;
  row.epoch = record.epoch;
  row.home_here = true;
  row.status = record.status;
  row.note = final_words(driver, record);
  if (record.cancelling && record.open()) row.note = "being cancelled";
  return row;
}

net::TaskRow guest_row(const Driver& driver, const core::Task& task) {
  net::TaskRow row;
  row.task = driver.name_of(task.id);
  static constexpr const char* kPhases[] = {"waiting", "waiting", "running", "returning"};
  row.state = kPhases[static_cast<std::size_t>(task.phase)];
  if (task.frozen) {
    row.state = "frozen";
    row.note = driver.node().name(task.id.home) + " grants no lease";
  }
  row.owner = driver.node().identity().name;
  if (const net::TaskSpec* spec = driver.guest_spec(task.id)) row.command = command_line(*spec);
  row.priority = task.needs.priority;
  row.age_us = monotonic_now() - task.arrived;
  row.moves = task.hops;
  row.probes = task.probes;
  row.epoch = task.epoch;
  if (task.phase == core::Task::Phase::returning && task.result_tries > 0)
    row.note = "its home node cannot be given the results; tried " +
               std::to_string(task.result_tries) + " times";
  return row;
}

const char* state_word(const core::Member& member) {
  switch (member.state) {
    case core::MemberState::alive:
      return member.draining ? "draining" : "alive";
    case core::MemberState::suspect:
      return "suspect";
    case core::MemberState::dead:
      return "dead";
    case core::MemberState::left:
      return "left";
  }
  return "";
}

const char* group_of(core::What what) {
  if (what <= core::What::cancel_requested) return "tasks";
  if (what <= core::What::nothing_selected) return "searches";
  if (what <= core::What::limit_queue) return "limits";
  if (what <= core::What::request_refused) return "handoffs";
  if (what <= core::What::results_failed) return "home";
  if (what <= core::What::woke_late) return "membership";
  return "peer";
}

}  // namespace

std::vector<net::TaskRow> task_rows(const Driver& driver, bool all) {
  const core::Node& node = driver.node();
  std::vector<net::TaskRow> rows;
  std::map<core::TaskId, std::size_t> row_of;
  for (const core::HomeRecord* record : node.records()) {
    if (!all && !record->open()) continue;
    row_of[record->task] = rows.size();
    rows.push_back(home_row(driver, *record));
  }
  for (const auto& [arrival, task] : node.tasks().all()) {
    if (task.id.home == node.identity().id) continue;
    row_of[task.id] = rows.size();
    rows.push_back(guest_row(driver, task));
  }
  for (const core::HandoffStatus& handoff : node.handoffs()) {
    const auto found = row_of.find(handoff.task);
    if (found == row_of.end()) {
      net::TaskRow row;
      row.task = driver.name_of(handoff.task);
      row.state = std::string_view(handoff.stage) == "prepared" ? "in doubt" : "arriving";
      row.owner = node.name(handoff.peer);
      row.epoch = handoff.epoch;
      row.note = moving_words(handoff, node);
      rows.push_back(row);
    } else if (handoff.outgoing && rows[found->second].note.empty()) {
      if (std::string_view(handoff.stage) != "handed off") rows[found->second].state = "moving";
      rows[found->second].note = moving_words(handoff, node);
    }
  }
  return rows;
}

std::string final_words(const Driver& driver, const core::HomeRecord& record) {
  if (record.state == core::TaskState::lost)
    return driver.node().name(record.owner) + ", which held it, is gone";
  if (record.orphan)
    return driver.node().name(record.owner) +
           " has not been heard; begun anew when its lease has run out";
  if (record.state == core::TaskState::in_doubt)
    return driver.node().name(record.owner) + " has not been heard since this peer restarted";
  const HomeTask* task = driver.home_task(record.task);
  const std::string message = task == nullptr ? "" : task->message;
  if (message.empty() && record.status.kind == core::ExitStatus::Kind::lost)
    return driver.node().name(record.owner) + " restarted while it ran there";
  return message;
}

std::vector<net::PeerRow> peer_rows(const Driver& driver) {
  const core::Node& node = driver.node();
  const core::Identity& self = node.identity();
  std::vector<net::PeerRow> rows;
  net::PeerRow own;
  own.name = self.name;
  own.address = core::to_string(self.endpoint);
  own.state = node.draining() ? "draining" : "self";
  own.role = core::to_string(node.role());
  own.load = node.load();
  own.known_age_us = 0;
  own.incarnation = self.incarnation;
  own.waiting = node.tasks().count(core::Task::Phase::waiting) +
                node.tasks().count(core::Task::Phase::leaving);
  own.running = node.tasks().count(core::Task::Phase::running);
  own.reserved = node.reserved();
  own.slots = node.config().load.slots;
  rows.push_back(own);
  for (const core::PeerStatus& peer : node.peers()) {
    net::PeerRow row;
    row.name = peer.member.name;
    row.address = core::to_string(peer.member.endpoint);
    row.state = state_word(peer.member);
    row.role = peer.load_known ? core::to_string(peer.role) : "-";
    row.load = peer.load_known ? peer.load : -1;
    row.known_age_us = peer.load_known ? monotonic_now() - peer.known_at : -1;
    row.incarnation = peer.member.incarnation;
    rows.push_back(row);
  }
  std::sort(rows.begin() + 1, rows.end(),
            [](const net::PeerRow& a, const net::PeerRow& b) { return a.name < b.name; });
  return rows;
}

std::vector<net::StatRow> stat_rows(const Driver& driver) {
  const core::Node& node = driver.node();
  const core::Counters& counters = node.counters();
  std::vector<net::StatRow> rows;
  for (std::size_t i = 0; i < core::kWhats; ++i) {
    const auto what = static_cast<core::What>(i);
    rows.push_back({group_of(what), core::key(what), counters[what]});
  }
  const auto add_by_reason = [&rows](const char* group, const auto& counts) {
    for (std::size_t i = 1; i < core::kVetoes; ++i)
      rows.push_back({group, core::to_string(static_cast<core::Veto>(i)), counts[i]});
  };
  add_by_reason("refusals given", counters.refusals_given);
  add_by_reason("refusals received", counters.refusals_received);
  for (std::size_t i = 0; i < core::kMessages; ++i)
    rows.push_back({"messages sent", core::message_name(i), counters.messages_sent[i]});
  for (std::size_t i = 0; i < core::kMessages; ++i)
    rows.push_back({"messages received", core::message_name(i), counters.messages_received[i]});
  return rows;
}

std::optional<core::TaskId> parse_task(const Driver& driver, const std::string& text) {
  const core::Node& node = driver.node();
  core::TaskId task{node.identity().id, 0};
  const std::size_t dot = text.rfind('.');
  const std::string_view digits =
      dot == std::string::npos ? std::string_view(text) : std::string_view(text).substr(dot + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), task.serial);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (dot == std::string::npos) return task;
  const std::string name = text.substr(0, dot);
  if (name == node.identity().name) return task;
  for (const core::PeerStatus& peer : node.peers())
    if (peer.member.name == name) {
      task.home = peer.member.id;
      return task;
    }
  return std::nullopt;
}

}  // namespace peerd
