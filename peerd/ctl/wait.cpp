// wait: until tasks have ended.
#include <cstddef>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "peerd/ctl/client.h"
#include "peerd/ctl/json.h"
#include "peerd/ctl/output.h"
#include "peerd/ctl/tables.h"
#include "peerd/ctl/verb.h"
#include "peerd/ctl/waits.h"

namespace peerctl {
namespace {

class Wait {
 public:
  explicit Wait(const Invocation& invocation)
      : json_(invocation.json),
        client_(loop_.get(), invocation.socket,
                [this](const Problem& problem) { leaving_ = complain(problem); }),
        waits_(client_, [this](std::size_t, const std::string& task,
                               const Result<net::Ended>& end) { ended(task, end); }) {}

  // One task's code is its own; of several, whether any failed.
  int run(const Words& tasks) {
    for (const std::string& task : tasks) waits_.add(task, 0);
    finish();
    return leaving_ ? *leaving_ : tasks.size() == 1 ? last_code_ : code_of_several();
  }

  int run_all() {
    listing_ = true;
    client_.ask(net::TasksRequest{false}, [this](const net::ControlBody& body) {
      list_.push_back(body);
      if (is_last(body)) listed();
    });
    finish();
    return leaving_ ? *leaving_ : code_of_several();
  }

 private:
  void finish() {
    loop_.run_until([this] { return leaving_ || (!listing_ && waits_.open() == 0); });
  }

  int code_of_several() const { return failed_ == 0 ? kExitOk : kExitSomeFailed; }

  void listed() {
    listing_ = false;
    const auto rows = task_rows(list_);
    if (const auto* problem = std::get_if<Problem>(&rows)) {
      leaving_ = complain(*problem);
      return;
    }
    for (const net::TaskRow& row : std::get<0>(rows)) {
      if (row.home_here && !row.ended) waits_.add(row.task, 0);
    }
  }

  void ended(const std::string& task, const Result<net::Ended>& end) {
    int printed = kExitOk;
    if (const auto* problem = std::get_if<Problem>(&end)) {
      last_code_ = problem->code;
      if (json_)
        printed = print(problem_json(task, *problem, 0));
      else
        complain(*problem);
    } else {
      const auto& ending = std::get<net::Ended>(end);
      last_code_ = exit_code(ending.status);
      printed = print(json_ ? ended_json(ending, 0) : ended_text(ending));
    }
    if (last_code_ != kExitOk) ++failed_;
    if (printed != kExitOk) leaving_ = printed;
  }

  bool json_;
  bool listing_ = false;
  Answer list_;
  int last_code_ = kExitOk;
  std::size_t failed_ = 0;
  std::optional<int> leaving_;
  Loop loop_;
  Client client_;
  WaitQueue waits_;
};

int run_wait(const Invocation& invocation) {
  const Words& tasks = invocation.parsed.rest;
  const bool all = invocation.parsed.has("all");
  if (tasks.empty() != all) {
    return complain({kExitUsage, "either tasks or --all: peerctl wait TASK... | --all"});
  }
  return all ? Wait(invocation).run_all() : Wait(invocation).run(tasks);
}

constexpr std::string_view kWaitDetails =
    R"(Exits with the task's code if one is named, else with 1 if any failed. With --json each
line is an object of its own.
)";

}  // namespace

Verb wait_verb() {
  return {.name = "wait",
          .arguments = "TASK... | --all [--json]",
          .summary = "Wait until tasks have ended; print one line for each as it ends",
          .details = kWaitDetails,
          .offers_json = true,
          .add_options =
              [](boost::program_options::options_description& options) {
                options.add_options()("all,a", "all tasks submitted here that have not ended");
              },
          .run = run_wait};
}

}  // namespace peerctl
