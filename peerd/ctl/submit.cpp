// submit: tasks without waiting, one or many.
#include <csignal>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "peerd/ctl/client.h"
#include "peerd/ctl/files.h"
#include "peerd/ctl/json.h"
#include "peerd/ctl/lines.h"
#include "peerd/ctl/output.h"
#include "peerd/ctl/progress.h"
#include "peerd/ctl/summary.h"
#include "peerd/ctl/tables.h"
#include "peerd/ctl/task_options.h"
#include "peerd/ctl/verb.h"
#include "peerd/ctl/waits.h"

namespace po = boost::program_options;

namespace peerctl {
namespace {

constexpr std::size_t kWindow = 256;  // submissions under way
constexpr std::size_t kMaxPendingBytes = 4 << 20;
constexpr std::uint64_t kRedrawMs = 100;

Result<net::TaskSpec> checked_spec(const TaskOptions& options, const Words& command,
                                   const std::string& cwd) {
  Result<net::TaskSpec> spec = make_spec(options, command, cwd);
  if (const auto* made = std::get_if<net::TaskSpec>(&spec)) {
    if (const std::optional<Problem> problem = check_files(*made)) return *problem;
  }
  return spec;
}

// A line of a task list: options of its own, then the command.
Result<net::TaskSpec> spec_of_line(const Line& line, const TaskOptions& common,
                                   const std::string& cwd) {
  if (line.too_long) {
    return Problem{kExitDataError, fmt::format("the line is longer than {} bytes", kMaxLineBytes)};
  }
  const Result<Words> words = split_words(line.text);
  if (const auto* problem = std::get_if<Problem>(&words)) return *problem;
  static const po::options_description options = [] {
    po::options_description task;
    add_task_options(task);
    return task;
  }();
  const Result<Parsed> result = parse(std::get<Words>(words), options, Reach::first_word);
  if (const auto* problem = std::get_if<Problem>(&result)) return *problem;
  const auto& parsed = std::get<Parsed>(result);
  return checked_spec(merged(common, task_options(parsed)), parsed.rest, cwd);
}

class Submission {
 public:
  explicit Submission(const Invocation& invocation)
      : json_(invocation.json),
        wait_(invocation.parsed.has("wait")),
        common_(task_options(invocation.parsed)),
        cwd_(std::filesystem::current_path().string()),
        client_(loop_.get(), invocation.socket, [this](const Problem& problem) { lost(problem); }),
        waits_(client_, [this](std::size_t line, const std::string& task,
                               const Result<net::Ended>& end) { ended(line, task, end); }),
        redraw_(loop_.get(), [this] { draw(); }),
        on_interrupt_(loop_.get(), SIGINT, [this] { interrupted(SIGINT); }),
        on_terminate_(loop_.get(), SIGTERM, [this] { interrupted(SIGTERM); }) {}

  int run_one(net::TaskSpec spec) {
    submit(0, std::move(spec));
    return finish();
  }

  int run_list(const std::string& path) {
    auto source = LineSource::open(loop_.get(), path, [this] { read_on(); });
    if (const auto* problem = std::get_if<Problem>(&source)) return complain(*problem);
    source_ = std::get<0>(std::move(source));
    if (progress_.visible()) redraw_.start(kRedrawMs, kRedrawMs);
    started_ms_ = uv_now(loop_.get());
    read_on();
    return finish();
  }

 private:
  // One submission, from its line until its outcome is printed. Outcomes are printed in the order
  // of the lines.
  struct Slot {
    std::size_t line;  // 0: not from a list
    std::optional<Result<std::string>> outcome;
  };

  int finish() {
    loop_.run_until(
        [this] { return leaving_ || (read_all() && slots_.empty() && !waits_.open()); });
    redraw_.stop();
    progress_.clear();
    if (leaving_) return *leaving_;
    if (wait_) {
      const int printed = print(json_ ? summary_json(summary_) : summary_.text());
      if (printed != kExitOk) return printed;
    }
    if (source_ && !source_->error().empty()) {
      return complain({kExitNoInput, source_->name() + ": " + source_->error()});
    }
    if (!source_ && summary_.not_submitted() > 0) return refusal_code_;
    return summary_.all_well() ? kExitOk : kExitSomeFailed;
  }

  bool read_all() const { return !source_ || source_->at_end(); }

  void read_on() {
    while (!leaving_ && !read_all() && slots_.size() < kWindow &&
           client_.pending_bytes() < kMaxPendingBytes) {
      const std::optional<Line> line = source_->next();
      if (!line) return;
      if (!line->too_long && is_blank_or_comment(line->text)) continue;
      submit(line->number, spec_of_line(*line, common_, cwd_));
    }
  }

  void submit(std::size_t line, Result<net::TaskSpec> spec) {
    slots_.push_back({line, std::nullopt});
    const std::size_t number = first_slot_ + slots_.size() - 1;
    if (const auto* problem = std::get_if<Problem>(&spec)) return settle(number, *problem);
    client_.ask(net::SubmitRequest{std::get<net::TaskSpec>(std::move(spec))},
                [this, number](const net::ControlBody& body) {
                  answered(number, body);
                  read_on();
                });
  }

  void answered(std::size_t number, const net::ControlBody& body) {
    if (const auto* submitted = std::get_if<net::Submitted>(&body)) {
      settle(number, submitted->task);
    } else if (const auto* failure = std::get_if<net::Failure>(&body)) {
      settle(number, to_problem(*failure));
    } else {
      settle(number, Problem{kExitProtocol, "the daemon's answer makes no sense"});
    }
  }

  void settle(std::size_t number, Result<std::string> outcome) {
    slots_[number - first_slot_].outcome = std::move(outcome);
    while (!slots_.empty() && slots_.front().outcome) {
      const Slot slot = std::move(slots_.front());
      slots_.pop_front();
      ++first_slot_;
      report(slot);
    }
  }

  void report(const Slot& slot) {
    if (const auto* problem = std::get_if<Problem>(&*slot.outcome)) {
      summary_.add_not_submitted();
      refusal_code_ = problem->code;
      complain_of(slot.line, "", *problem);
      return;
    }
    const auto& task = std::get<std::string>(*slot.outcome);
    ++submitted_;
    if (wait_) {
      waits_.add(task, slot.line);
    } else {
      tell(json_ ? submitted_json(task, slot.line) : task + "\n");
    }
  }

  void ended(std::size_t line, const std::string& task, const Result<net::Ended>& end) {
    if (const auto* problem = std::get_if<Problem>(&end)) {
      summary_.add_forgotten();
      return complain_of(line, task, *problem);
    }
    const auto& ending = std::get<net::Ended>(end);
    summary_.add(ending);
    if (json_) return tell(ended_json(ending, line));
    if (exit_code(ending.status) == kExitOk) return;
    std::string text = ended_text(ending);
    text.pop_back();
    progress_.clear();
    remark(place(line) + "task " + text);
  }

  std::string place(std::size_t line) const {
    return line == 0 ? "" : fmt::format("{}:{}: ", source_->name(), line);
  }

  void complain_of(std::size_t line, const std::string& task, const Problem& problem) {
    if (json_) return tell(problem_json(task, problem, line));
    progress_.clear();
    complain({problem.code, place(line) + problem.message});
  }

  void tell(const std::string& text) {
    progress_.clear();
    const int printed = print(text);
    if (printed != kExitOk) leaving_ = printed;
  }

  void lost(const Problem& problem) {
    progress_.clear();
    leaving_ = complain({problem.code, problem.message + fate()});
  }

  void interrupted(int signal) {
    progress_.clear();
    leaving_ = kExitSignalBase + signal;
    if (submitted_ > 0) remark("interrupted" + fate());
  }

  std::string fate() const {
    if (submitted_ == 0 && !client_.welcomed()) return {};
    return fmt::format("; tasks submitted so far: {}, they go on, their fate: ask peerctl ps --all",
                       submitted_);
  }

  void draw() {
    ProgressFigures figures;
    figures.elapsed_ms = uv_now(loop_.get()) - started_ms_;
    figures.failed = summary_.failed() + summary_.not_submitted();
    figures.count = submitted_;
    std::uint64_t part = source_->read_bytes();
    std::uint64_t whole = source_->size();
    if (wait_ && read_all()) {
      figures.doing = "waiting";
      figures.count = part = summary_.done() + summary_.failed();
      figures.total = whole = submitted_;
    }
    figures.thousandths_known = whole > 0;
    if (whole > 0) figures.thousandths = static_cast<std::uint32_t>(part * 1000 / whole);
    progress_.draw(figures);
  }

  bool json_;
  bool wait_;
  TaskOptions common_;
  std::string cwd_;
  std::deque<Slot> slots_;
  std::size_t first_slot_ = 0;  // number of slots_.front()
  std::uint64_t submitted_ = 0;
  Summary summary_;
  int refusal_code_ = kExitOk;
  std::optional<int> leaving_;
  std::uint64_t started_ms_ = 0;
  ProgressBar progress_;
  Loop loop_;
  std::unique_ptr<LineSource> source_;
  Client client_;
  WaitQueue waits_;
  Timer redraw_;
  SignalWatch on_interrupt_;
  SignalWatch on_terminate_;
};

int run_submit(const Invocation& invocation) {
  const Parsed& parsed = invocation.parsed;
  const std::optional<std::string> list = parsed.text("from");
  if (list && !parsed.rest.empty()) {
    return complain({kExitUsage, "either a command or --from: see peerctl submit --help"});
  }
  if (list) return Submission(invocation).run_list(*list);
  Result<net::TaskSpec> spec =
      checked_spec(task_options(parsed), parsed.rest, std::filesystem::current_path().string());
  if (const auto* problem = std::get_if<Problem>(&spec)) return complain(*problem);
  return Submission(invocation).run_one(std::get<net::TaskSpec>(std::move(spec)));
}

constexpr std::string_view kSubmitDetails =
    R"(With --from each line of FILE (or of stdin if it is -) is a task: options of its own, then
the command. Words stand between blanks; quotes and backslashes work as in sh, nothing is
expanded; lines that begin with # are comments. Options given here are for all lines.
Ids are printed in the order of the lines; with --json each line is an object of its own.
Exits with 1 if a line was wrong, or a task was refused or (with --wait) failed.
Interrupted by Ctrl-C, what is submitted goes on.

  for f in *.log; do echo "--input '$f' --output '$f.xz' xz -9k '$f'"; done |
    peerctl submit --wait --from -
)";

}  // namespace

Verb submit_verb() {
  return {.name = "submit",
          .arguments = "[OPTIONS] [--] COMMAND [ARGUMENTS...] | [OPTIONS] --from FILE",
          .summary = "Submit a task, or many, and print their ids without waiting",
          .details = kSubmitDetails,
          .reach = Reach::first_word,
          .offers_json = true,
          .add_options =
              [](po::options_description& options) {
                add_task_options(options);
                options.add_options()  //
                    ("from", po::value<std::string>()->value_name("FILE"),
                     "submit one task for each line of FILE; - is stdin")  //
                    ("wait", "wait for all and print a summary instead of the ids");
              },
          .run = run_submit};
}

}  // namespace peerctl
