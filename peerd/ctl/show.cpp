// The verbs that ask once: ps, peers, stats, explain, doctor, cancel, migrate, hold, release,
// drain, undrain.
#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "peerd/ctl/client.h"
#include "peerd/ctl/json.h"
#include "peerd/ctl/output.h"
#include "peerd/ctl/tables.h"
#include "peerd/ctl/text.h"
#include "peerd/ctl/verb.h"

namespace peerctl {
namespace {

// Asks one question; `rows_of` makes of its answer what `show` prints.
template <typename RowsOf, typename Show>
int ask_and_print(const Invocation& invocation, net::ControlBody request, const RowsOf& rows_of,
                  const Show& show) {
  const auto answers = converse(invocation.socket, {std::move(request)});
  if (const auto* problem = std::get_if<Problem>(&answers)) return complain(*problem);
  const auto rows = rows_of(std::get<std::vector<Answer>>(answers)[0]);
  if (const auto* problem = std::get_if<Problem>(&rows)) return complain(*problem);
  return print(show(std::get<0>(rows)));
}

int refuse_words(const Invocation& invocation) {
  return complain(
      {kExitUsage, fmt::format("\"{}\" is too much here: see --help", invocation.parsed.rest[0])});
}

int run_ps(const Invocation& invocation) {
  if (!invocation.parsed.rest.empty()) return refuse_words(invocation);
  const bool all = invocation.parsed.has("all");
  return ask_and_print(invocation, net::TasksRequest{all}, task_rows, [&](const auto& rows) {
    return invocation.json ? tasks_json(rows) : tasks_text(rows, all, output_width());
  });
}

int run_peers(const Invocation& invocation) {
  if (!invocation.parsed.rest.empty()) return refuse_words(invocation);
  return ask_and_print(invocation, net::PeersRequest{}, peer_rows, [&](const auto& rows) {
    return invocation.json ? peers_json(rows) : peers_text(rows, output_width());
  });
}

int run_stats(const Invocation& invocation) {
  if (!invocation.parsed.rest.empty()) return refuse_words(invocation);
  return ask_and_print(invocation, net::StatsRequest{}, stat_rows, [&](const auto& rows) {
    return invocation.json ? stats_json(rows) : stats_text(rows);
  });
}

int run_doctor(const Invocation& invocation) {
  if (!invocation.parsed.rest.empty()) return refuse_words(invocation);
  bool misses = false;
  const int code = ask_and_print(invocation, net::DoctorRequest{}, lines,
                                 [&](const std::vector<std::string>& findings) {
                                   std::string text;
                                   for (const std::string& finding : findings) {
                                     misses |= finding.starts_with("missing");
                                     text += sanitized(finding) + "\n";
                                   }
                                   return invocation.json ? doctor_json(findings) : text;
                                 });
  return code == kExitOk && misses ? kExitSomeFailed : code;
}

int run_explain(const Invocation& invocation) {
  if (invocation.parsed.rest.size() != 1) {
    return complain({kExitUsage, "one task is needed: peerctl explain TASK"});
  }
  const std::string& task = invocation.parsed.rest[0];
  return ask_and_print(invocation, net::ExplainRequest{task}, lines, [&](const auto& trace) {
    if (invocation.json) return explain_json(task, trace);
    std::string text;
    for (const std::string& line : trace) text += sanitized(line) + "\n";
    return text;
  });
}

// Asks for each task, and complains of those that are refused.
template <typename RequestOf>
int ask_for_each(const Invocation& invocation, const char* verb, const RequestOf& request_of) {
  const Words& tasks = invocation.parsed.rest;
  if (tasks.empty())
    return complain({kExitUsage, fmt::format("a task is needed: peerctl {} TASK...", verb)});
  std::vector<net::ControlBody> requests;
  for (const std::string& task : tasks) requests.push_back(request_of(task));
  const auto answers = converse(invocation.socket, requests);
  if (const auto* problem = std::get_if<Problem>(&answers)) return complain(*problem);
  int code = kExitOk;
  for (const Answer& answer : std::get<std::vector<Answer>>(answers)) {
    const auto* failure = std::get_if<net::Failure>(&answer.back());
    if (failure == nullptr) continue;
    const int own_code = complain(to_problem(*failure));
    code = tasks.size() == 1 ? own_code : kExitSomeFailed;
  }
  return code;
}

int run_cancel(const Invocation& invocation) {
  return ask_for_each(invocation, "cancel",
                      [](const std::string& task) { return net::CancelRequest{task}; });
}

using Steer = net::SteerRequest;

int run_hold(const Invocation& invocation) {
  return ask_for_each(invocation, "hold", [](const std::string& task) {
    return Steer{Steer::What::hold, task, ""};
  });
}

int run_release(const Invocation& invocation) {
  return ask_for_each(invocation, "release", [](const std::string& task) {
    return Steer{Steer::What::release, task, ""};
  });
}

// One request that is answered by Done or by Failure.
int ask(const Invocation& invocation, const net::ControlBody& request) {
  const auto answers = converse(invocation.socket, {request});
  if (const auto* problem = std::get_if<Problem>(&answers)) return complain(*problem);
  const Answer& answer = std::get<std::vector<Answer>>(answers)[0];
  const auto* failure = std::get_if<net::Failure>(&answer.back());
  return failure == nullptr ? kExitOk : complain(to_problem(*failure));
}

int run_migrate(const Invocation& invocation) {
  const Words& words = invocation.parsed.rest;
  if (words.empty() || words.size() > 2)
    return complain(
        {kExitUsage, "a task is needed, and at most one peer: peerctl migrate TASK [PEER]"});
  return ask(invocation, Steer{Steer::What::migrate, words[0], words.size() == 2 ? words[1] : ""});
}

int run_drain(const Invocation& invocation) {
  return ask(invocation, net::DrainRequest{true});
}

int run_undrain(const Invocation& invocation) {
  return ask(invocation, net::DrainRequest{false});
}

}  // namespace

Verb ps_verb() {
  Verb verb;
  verb.name = "ps";
  verb.arguments = "[--all] [--json]";
  verb.summary = "List this peer's tasks and those that it runs for others";
  verb.offers_json = true;
  verb.add_options = [](boost::program_options::options_description& options) {
    options.add_options()("all,a", "ended tasks too");
  };
  verb.run = run_ps;
  return verb;
}

Verb peers_verb() {
  Verb verb;
  verb.name = "peers";
  verb.arguments = "[--json]";
  verb.summary = "List the peers with their load, as this peer knows it";
  verb.details = "KNOWN is how old the knowledge of a peer's load is.\n";
  verb.offers_json = true;
  verb.run = run_peers;
  return verb;
}

Verb stats_verb() {
  Verb verb;
  verb.name = "stats";
  verb.arguments = "[--json]";
  verb.summary = "Print what this peer has counted since it started";
  verb.offers_json = true;
  verb.run = run_stats;
  return verb;
}

Verb explain_verb() {
  Verb verb;
  verb.name = "explain";
  verb.arguments = "TASK [--json]";
  verb.summary = "Tell why a task runs where it does: every probe, answer and decision";
  verb.offers_json = true;
  verb.run = run_explain;
  return verb;
}

Verb doctor_verb() {
  Verb verb;
  verb.name = "doctor";
  verb.arguments = "[--json]";
  verb.summary = "Tell what works on this board, what is missing for the rest, and the mend";
  verb.details = "Exits with 1 if anything is missing.\n";
  verb.offers_json = true;
  verb.run = run_doctor;
  return verb;
}

Verb cancel_verb() {
  Verb verb;
  verb.name = "cancel";
  verb.arguments = "TASK...";
  verb.summary = "End tasks: waiting ones at once, running ones by SIGTERM, then SIGKILL";
  verb.run = run_cancel;
  return verb;
}

Verb migrate_verb() {
  Verb verb;
  verb.name = "migrate";
  verb.arguments = "TASK [PEER]";
  verb.summary =
      "Move a task that is here to a peer, or to the least loaded one, while it runs, too";
  verb.details =
      "It returns when the move is under way: peerctl explain TASK tells how it ends. Limits "
      "count, "
      "policies do not.\n";
  verb.run = run_migrate;
  return verb;
}

Verb hold_verb() {
  Verb verb;
  verb.name = "hold";
  verb.arguments = "TASK...";
  verb.summary = "Keep tasks that are here from moving";
  verb.run = run_hold;
  return verb;
}

Verb release_verb() {
  Verb verb;
  verb.name = "release";
  verb.arguments = "TASK...";
  verb.summary = "Let tasks move again that were held";
  verb.run = run_release;
  return verb;
}

Verb drain_verb() {
  Verb verb;
  verb.name = "drain";
  verb.summary = "Make this peer empty: it takes no tasks and hands over those it has";
  verb.details =
      "Returns when no task is here any more; interrupted, the peer goes on draining. Waiting "
      "tasks "
      "go to\nother peers, running ones too where they can be moved; what must stay runs to its "
      "end. "
      "Tasks that were\nsubmitted here end elsewhere: to get their results this peer must go on "
      "running, or come back.\nThe peer takes tasks again after peerctl undrain, or a restart.\n";
  verb.run = run_drain;
  return verb;
}

Verb undrain_verb() {
  Verb verb;
  verb.name = "undrain";
  verb.summary = "Let this peer take tasks again";
  verb.run = run_undrain;
  return verb;
}

}  // namespace peerctl
