// The verbs that ask once and show the answer: ps, peers, stats, explain, doctor.
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

int run_ps(const Invocation& invocation) {
  const bool all = invocation.parsed.has("all");
  return ask_and_print(invocation, net::TasksRequest{all}, task_rows, [&](const auto& rows) {
    return invocation.json ? tasks_json(rows) : tasks_text(rows, all, output_width());
  });
}

int run_peers(const Invocation& invocation) {
  return ask_and_print(invocation, net::PeersRequest{}, peer_rows, [&](const auto& rows) {
    return invocation.json ? peers_json(rows) : peers_text(rows, output_width());
  });
}

int run_stats(const Invocation& invocation) {
  return ask_and_print(invocation, net::StatsRequest{}, stat_rows, [&](const auto& rows) {
    return invocation.json ? stats_json(rows) : stats_text(rows);
  });
}

int run_doctor(const Invocation& invocation) {
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

}  // namespace

Verb ps_verb() {
  return {.name = "ps",
          .arguments = "[--all] [--json]",
          .summary = "List this peer's tasks and those that it runs for others",
          .takes_words = false,
          .offers_json = true,
          .add_options =
              [](boost::program_options::options_description& options) {
                options.add_options()("all,a", "ended tasks too");
              },
          .run = run_ps};
}

Verb peers_verb() {
  return {.name = "peers",
          .arguments = "[--json]",
          .summary = "List the peers with their load, as this peer knows it",
          .details = "KNOWN is how old the knowledge of a peer's load is.\n",
          .takes_words = false,
          .offers_json = true,
          .run = run_peers};
}

Verb stats_verb() {
  return {.name = "stats",
          .arguments = "[--json]",
          .summary = "Print what this peer has counted since it started",
          .takes_words = false,
          .offers_json = true,
          .run = run_stats};
}

Verb explain_verb() {
  return {.name = "explain",
          .arguments = "TASK [--json]",
          .summary = "Tell why a task runs where it does: every probe, answer and decision",
          .offers_json = true,
          .run = run_explain};
}

Verb doctor_verb() {
  return {.name = "doctor",
          .arguments = "[--json]",
          .summary = "Tell what works on this board, what is missing for the rest, and the mend",
          .details = "Exits with 1 if anything is missing.\n",
          .takes_words = false,
          .offers_json = true,
          .run = run_doctor};
}

}  // namespace peerctl
