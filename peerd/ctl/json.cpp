#include "peerd/ctl/json.h"

#include <cstdint>

#include <nlohmann/json.hpp>

namespace peerctl {
namespace {

using Json = nlohmann::ordered_json;

std::string one_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json known(std::int64_t value) {
  return value < 0 ? Json(nullptr) : Json(value);
}

const char* kind_name(core::ExitStatus::Kind kind) {
  switch (kind) {
    case core::ExitStatus::Kind::exited:
      return "exited";
    case core::ExitStatus::Kind::signaled:
      return "signaled";
    case core::ExitStatus::Kind::cancelled:
      return "cancelled";
    case core::ExitStatus::Kind::failed:
      return "failed";
    case core::ExitStatus::Kind::lost:
      return "lost";
  }
  return "unknown";
}

Json status(const core::ExitStatus& status) {
  return {
      {"kind", kind_name(status.kind)}, {"value", status.value}, {"exit_code", exit_code(status)}};
}

Json to_json(const net::TaskRow& row) {
  return {{"task", row.task},
          {"state", row.state},
          {"owner", row.owner},
          {"command", row.command},
          {"priority", row.priority},
          {"age_us", known(row.age_us)},
          {"response_us", known(row.response_us)},
          {"moves", row.moves},
          {"probes", row.probes},
          {"epoch", row.epoch},
          {"home_here", row.home_here},
          {"status", row.ended ? status(row.status) : Json(nullptr)},
          {"note", row.note}};
}

Json to_json(const net::PeerRow& row) {
  Json json = {{"name", row.name},
               {"address", row.address},
               {"state", row.state},
               {"role", row.role == "-" ? Json(nullptr) : Json(row.role)},
               {"load", known(row.load)},
               {"known_age_us", known(row.known_age_us)},
               {"incarnation", row.incarnation}};
  if (row.state == "self") {
    json["waiting"] = row.waiting;
    json["running"] = row.running;
    json["reserved"] = row.reserved;
    json["slots"] = row.slots;
  }
  return json;
}

template <typename Row>
Json array(const std::vector<Row>& rows) {
  Json json = Json::array();
  for (const Row& row : rows) json.push_back(to_json(row));
  return json;
}

Json event(std::size_t line) {
  Json json = Json::object();
  if (line != 0) json["line"] = line;
  return json;
}

}  // namespace

std::string tasks_json(const std::vector<net::TaskRow>& rows) {
  return one_line(array(rows));
}

std::string peers_json(const std::vector<net::PeerRow>& rows) {
  return one_line(array(rows));
}

std::string stats_json(const std::vector<net::StatRow>& rows) {
  Json json = Json::object();
  for (const net::StatRow& row : rows) json[row.group][row.name] = row.value;
  return one_line(json);
}

std::string explain_json(const std::string& task, const std::vector<std::string>& lines) {
  return one_line({{"task", task}, {"lines", lines}});
}

std::string doctor_json(const std::vector<std::string>& findings) {
  return one_line({{"findings", findings}});
}

std::string top_json(const std::vector<net::PeerRow>& peers,
                     const std::vector<net::TaskRow>& tasks) {
  return one_line({{"peers", array(peers)}, {"tasks", array(tasks)}});
}

std::string submitted_json(const std::string& task, std::size_t line) {
  Json json = event(line);
  json["task"] = task;
  return one_line(json);
}

std::string ended_json(const net::Ended& ended, std::size_t line) {
  Json json = event(line);
  json["task"] = ended.task;
  json["status"] = status(ended.status);
  json["message"] = ended.message;
  json["ran_on"] = ended.ran_on;
  json["response_us"] = known(ended.response_us);
  json["moves"] = ended.moves;
  json["probes"] = ended.probes;
  return one_line(json);
}

std::string problem_json(const std::string& task, const Problem& problem, std::size_t line) {
  Json json = event(line);
  if (!task.empty()) json["task"] = task;
  json["error"] = problem.message;
  json["code"] = problem.code;
  return one_line(json);
}

std::string summary_json(const Summary& summary) {
  Json peers = Json::object();
  for (const auto& [peer, tasks] : summary.tasks_by_peer()) peers[peer] = tasks;
  const Json figures = {{"done", summary.done()},
                        {"failed", summary.failed()},
                        {"not_submitted", summary.not_submitted()},
                        {"mean_response_us", known(summary.mean_response_us())},
                        {"p99_response_us", known(summary.percentile_response_us(99))},
                        {"moves", summary.moves()},
                        {"probes", summary.probes()},
                        {"tasks_by_peer", peers}};
  return one_line({{"summary", figures}});
}

}  // namespace peerctl
