// run: a task as if it ran here. logs: what a task has written.
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "peerd/ctl/client.h"
#include "peerd/ctl/files.h"
#include "peerd/ctl/output.h"
#include "peerd/ctl/task_options.h"
#include "peerd/ctl/text.h"
#include "peerd/ctl/verb.h"

namespace peerctl {
namespace {

// nohup's wish is respected.
bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

std::string in_words(const net::Restarted& restarted) {
  return "is begun anew: " + restarted.gone + ", which had it, is gone; its output begins again";
}

class Run {
 public:
  Run(const std::string& socket, bool verbose)
      : verbose_(verbose),
        client_(loop_.get(), socket, [this](const Problem& problem) { lost(problem); }),
        copy_(loop_.get(), client_, [this](int code) { cancel(code); }),
        on_interrupt_(loop_.get(), SIGINT, [this] { interrupted(SIGINT); }),
        on_terminate_(loop_.get(), SIGTERM, [this] { interrupted(SIGTERM); }) {
    if (!is_ignored(SIGHUP))
      on_hangup_.emplace(loop_.get(), SIGHUP, [this] { interrupted(SIGHUP); });
  }

  int run(net::TaskSpec spec) {
    client_.ask(net::SubmitRequest{std::move(spec)},
                [this](const net::ControlBody& answer) { submitted(answer); });
    loop_.run_until([this] { return leaving_ || (ended_ && copy_.drained()); });
    return leaving_ ? *leaving_ : cancelling_.value_or(*ended_);
  }

 private:
  void submitted(const net::ControlBody& answer) {
    const auto* submitted = std::get_if<net::Submitted>(&answer);
    if (submitted == nullptr) return failed(answer);
    task_ = submitted->task;
    if (verbose_) remark("task " + task_);
    client_.ask(net::OutputRequest{task_, true},
                [this](const net::ControlBody& body) { followed(body); });
    if (cancelling_) ask_to_cancel();
  }

  void followed(const net::ControlBody& body) {
    if (const auto* output = std::get_if<net::Output>(&body)) return copy_.write(*output);
    if (const auto* restarted = std::get_if<net::Restarted>(&body))
      return remark("task " + task_ + " " + in_words(*restarted));
    const auto* ended = std::get_if<net::Ended>(&body);
    if (ended == nullptr) return failed(body);
    const std::string words = ending_in_words(*ended);
    if (!words.empty() && !cancelling_) remark("task " + task_ + " " + words);
    if (verbose_) {
      remark(fmt::format("task {} ran on {}, {}, {}, {}", task_, ended->ran_on,
                         human_duration(ended->response_us), counted(ended->moves, "move"),
                         counted(ended->probes, "probe")));
    }
    ended_ = exit_code(ended->status);
  }

  void failed(const net::ControlBody& body) {
    const auto* failure = std::get_if<net::Failure>(&body);
    leaving_ =
        complain(failure != nullptr ? to_problem(*failure)
                                    : Problem{kExitProtocol, "the daemon's answer makes no sense"});
  }

  void lost(const Problem& problem) {
    std::string fate;
    if (!task_.empty()) {
      fate = fmt::format("; task {} goes on, its fate: ask peerctl ps --all", task_);
    } else if (client_.welcomed()) {
      fate = "; whether it has taken the task: ask peerctl ps --all";
    }
    ended_ = complain({problem.code, problem.message + fate});
    cancelling_.reset();
  }

  void interrupted(int signal) {
    const int code = kExitSignalBase + signal;
    if (cancelling_ || ended_ || !client_.welcomed()) {
      leaving_ = code;
      return;
    }
    remark("cancelling the task; once more to leave at once");
    cancel(code);
  }

  void cancel(int code) {
    if (cancelling_ || ended_) return;
    cancelling_ = code;
    if (!task_.empty()) ask_to_cancel();
  }

  void ask_to_cancel() {
    // A refusal means that it has ended: Ended is on its way.
    client_.ask(net::CancelRequest{task_}, [](const net::ControlBody&) {});
  }

  bool verbose_;
  std::string task_;               // empty until it is submitted
  std::optional<int> cancelling_;  // with this exit code
  std::optional<int> ended_;       // leave with this code when the output is written
  std::optional<int> leaving_;     // leave at once
  Loop loop_;
  Client client_;
  OutputCopy copy_;
  SignalWatch on_interrupt_;
  SignalWatch on_terminate_;
  std::optional<SignalWatch> on_hangup_;
};

int run_run(const Invocation& invocation) {
  const Parsed& parsed = invocation.parsed;
  Result<net::TaskSpec> spec =
      make_spec(task_options(parsed), parsed.rest, std::filesystem::current_path().string());
  if (const auto* problem = std::get_if<Problem>(&spec)) return complain(*problem);
  const std::optional<Problem> problem = check_files(std::get<net::TaskSpec>(spec));
  if (problem) return complain(*problem);
  return Run(invocation.socket, parsed.has("verbose"))
      .run(std::get<net::TaskSpec>(std::move(spec)));
}

int run_logs(const Invocation& invocation) {
  const Parsed& parsed = invocation.parsed;
  if (parsed.rest.size() != 1) {
    return complain({kExitUsage, "one task is needed: peerctl logs [-f] TASK"});
  }
  std::optional<int> code;
  bool at_once = false;
  Loop loop;
  const auto fail = [&](int failure) {
    code = failure;
    at_once = true;
  };
  Client client(loop.get(), invocation.socket,
                [&](const Problem& problem) { code = complain(problem); });
  OutputCopy copy(loop.get(), client, fail);
  client.ask(net::OutputRequest{parsed.rest[0], parsed.has("follow")},
             [&](const net::ControlBody& body) {
               if (const auto* output = std::get_if<net::Output>(&body)) return copy.write(*output);
               if (const auto* restarted = std::get_if<net::Restarted>(&body))
                 return remark("task " + parsed.rest[0] + " " + in_words(*restarted));
               const auto* failure = std::get_if<net::Failure>(&body);
               code = failure != nullptr ? complain(to_problem(*failure)) : kExitOk;
               const auto* ended = std::get_if<net::Ended>(&body);
               // What it has written may not be all.
               if (ended != nullptr && ended->status.kind == core::ExitStatus::Kind::lost)
                 code = exit_code(ended->status);
               const std::string words = ended != nullptr ? ending_in_words(*ended) : "";
               if (!words.empty()) remark("task " + ended->task + " " + words);
             });
  loop.run_until([&] { return code && (at_once || copy.drained()); });
  return *code;
}

constexpr std::string_view kRunDetails =
    R"(Options end at the first word that is none, so that the command's own are left alone.
Both outputs come as the task writes them, and peerctl exits with its code. Ctrl-C
(SIGINT), SIGTERM and SIGHUP (the terminal is gone; not under nohup) cancel the task and
wait for its end; a second one leaves at once.

  peerctl run --input notes.txt --output notes.txt.xz xz -9 --keep notes.txt
)";

}  // namespace

Verb run_verb() {
  return {.name = "run",
          .arguments = "[OPTIONS] [--] COMMAND [ARGUMENTS...]",
          .summary = "Run a command wherever there is room and follow it until it ends",
          .details = kRunDetails,
          .reach = Reach::first_word,
          .add_options =
              [](boost::program_options::options_description& options) {
                add_task_options(options);
                options.add_options()("verbose",
                                      "say on stderr which task it is and what became of it");
              },
          .run = run_run};
}

Verb logs_verb() {
  return {.name = "logs",
          .arguments = "[-f] TASK",
          .summary = "Print what a task has written, stdout to stdout and stderr to stderr",
          .details = "Exits with 0 however the task ended, but with 69 if it is lost.\n",
          .add_options =
              [](boost::program_options::options_description& options) {
                options.add_options()("follow,f", "go on until the task has ended");
              },
          .run = run_logs};
}

}  // namespace peerctl
