// The verbs that tell a peer what to do with tasks: cancel, migrate, hold, release, drain, undrain.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "peerd/ctl/client.h"
#include "peerd/ctl/output.h"
#include "peerd/ctl/verb.h"

namespace peerctl {
namespace {

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

Verb cancel_verb() {
  return {.name = "cancel",
          .arguments = "TASK...",
          .summary = "End tasks: waiting ones at once, running ones by SIGTERM, then SIGKILL",
          .run = run_cancel};
}

Verb migrate_verb() {
  return {.name = "migrate",
          .arguments = "TASK [PEER]",
          .summary = "Move a task that is here to a peer, or to the least loaded one",
          .details =
              "It returns when the move is under way: peerctl explain TASK tells how it ends.\n"
              "Limits count, policies do not.\n",
          .run = run_migrate};
}

Verb hold_verb() {
  return {.name = "hold",
          .arguments = "TASK...",
          .summary = "Keep tasks that are here from moving",
          .run = run_hold};
}

Verb release_verb() {
  return {.name = "release",
          .arguments = "TASK...",
          .summary = "Let tasks move again that were held",
          .run = run_release};
}

constexpr std::string_view kDrainDetails =
    R"(Returns when no task is here any more; interrupted, the peer goes on draining.
Waiting tasks go to other peers, running ones too where they can be moved;
what must stay runs to its end. Tasks that were submitted here end elsewhere:
to get their results this peer must go on running, or come back.
The peer takes tasks again after peerctl undrain, or a restart.
)";

Verb drain_verb() {
  return {.name = "drain",
          .summary = "Make this peer empty: it takes no tasks and hands over those it has",
          .details = kDrainDetails,
          .takes_words = false,
          .run = run_drain};
}

Verb undrain_verb() {
  return {.name = "undrain",
          .summary = "Let this peer take tasks again",
          .takes_words = false,
          .run = run_undrain};
}

}  // namespace peerctl
