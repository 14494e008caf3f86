// A board for tests: a loop, peerd-task, and a place for stays. Needs root and a CRIU that works.
#pragma once

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <cstdint>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "peerd/checkpoint/criu.h"
#include "peerd/checkpoint/task_operation.h"
#include "peerd/process_tree.h"
#include "tests/catch.h"
#include "tests/peerd/process_state.h"
#include "tests/peerd/scratch_directory.h"

inline constexpr peerd::TaskUser kNobody = {65534, 65534, {}};

class BoardUnderTest {
 public:
  BoardUnderTest() {
    uv_loop_init(&loop_);
    peerd::become_parent_of_tasks();
    tools_.program = PEERD_TASK_PROGRAM;
    tools_.runtime = peerd::runtime_directory() + "/test-" + std::to_string(::getpid());
    ::mkdir(tools_.runtime.c_str(), 0700);
  }
  BoardUnderTest(const BoardUnderTest&) = delete;
  BoardUnderTest& operator=(const BoardUnderTest&) = delete;
  ~BoardUnderTest() {
    for (const auto& [init, process] : processes_) peerd::kill_task(init);
    for (const auto& [init, process] : processes_) await_end(init);
    processes_.clear();
    uv_run(&loop_, UV_RUN_DEFAULT);
    uv_loop_close(&loop_);
    std::error_code ignored;
    std::filesystem::remove_all(tools_.runtime, ignored);
  }

  // Why tasks cannot move here; empty if they can.
  std::string not_usable() {
    if (::geteuid() != 0) return "needs root";
    const peerd::Outcome outcome = await(
        [&](auto on_done) { return peerd::TaskOperation::check(&loop_, tools_, "", on_done); });
    if (outcome.kind != peerd::Outcome::Kind::done) return outcome.message;
    tools_.criu = outcome.message.substr(0, outcome.message.find(' '));
    return {};
  }

  // To be joined by what is started or restored: a directory with a file cgroup.procs.
  std::string cgroup;

  // A new directory for a stay, with the working directory in it.
  std::string new_stay(bool with_files = true) {
    const std::string stay = scratch_ / ("stay" + std::to_string(++stays_));
    ::mkdir(stay.c_str(), 0755);
    if (!with_files) return stay;
    ::mkdir((stay + "/files").c_str(), 0755);
    REQUIRE(::chown((stay + "/files").c_str(), kNobody.uid, kNobody.gid) == 0);
    return stay;
  }

  peerd::Outcome start(const std::string& stay, const std::vector<std::string>& arguments,
                       std::uint64_t cpu_limit_s = 0) {
    peerd::TaskStart task;
    task.cpu_limit_s = cpu_limit_s;
    task.stay = stay;
    task.arguments = arguments;
    task.environment = {"PATH=/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE=1"};
    task.user = kNobody;
    task.cgroup = cgroup;
    peerd::Outcome outcome = await(
        [&](auto on_done) { return peerd::TaskOperation::start(&loop_, tools_, task, on_done); });
    adopt(outcome, stay);
    return outcome;
  }

  // From one stay to another, on the same board, while the first copy still exists.
  struct Moved {
    peerd::Outcome dumped;
    peerd::Outcome restored;
  };
  Moved move(pid_t init, const std::string& from, const std::string& to,
             const peerd::TaskUser& user = kNobody) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    Moved moved;
    bool restored = false;
    peerd::RestoreRequest request;
    request.stay = to;
    request.user = user;
    request.max_bytes = std::uint64_t{1} << 30;
    request.cgroup = cgroup;
    const auto restore = peerd::TaskOperation::restore(&loop_, tools_, request, ends[0],
                                                       [&](const peerd::Outcome& outcome) {
                                                         moved.restored = outcome;
                                                         restored = true;
                                                       });
    ::close(ends[0]);
    moved.dumped = dump(init, from, ends[1]);
    while (!restored) uv_run(&loop_, UV_RUN_ONCE);
    adopt(moved.restored, to);
    return moved;
  }

  // Closes `out`.
  peerd::Outcome dump(pid_t init, const std::string& stay, int out) {
    return await([&](auto on_done) { return begin_dump(init, stay, out, on_done); });
  }
  std::unique_ptr<peerd::TaskOperation> begin_dump(pid_t init, const std::string& stay, int out,
                                                   peerd::TaskOperation::OnDone on_done) {
    peerd::DumpRequest request;
    request.init = init;
    request.stay = stay;
    request.user = kNobody;
    auto operation = peerd::TaskOperation::dump(&loop_, tools_, request, out, std::move(on_done));
    ::close(out);
    return operation;
  }

  core::ExitStatus await_end(pid_t init) {
    for (auto& [pid, process] : processes_) {
      while (pid == init && process->watch && !process->end) uv_run(&loop_, UV_RUN_ONCE);
      if (pid == init) return process->end.value_or(core::ExitStatus{});
    }
    return {};
  }
  core::ExitStatus kill(pid_t init) {
    peerd::kill_task(init);
    return await_end(init);
  }

  peerd::TaskTools& tools() { return tools_; }
  uv_loop_t* loop() { return &loop_; }
  const ScratchDirectory& scratch() const { return scratch_; }

 private:
  struct Process {
    std::unique_ptr<peerd::TaskProcess> watch;
    std::optional<core::ExitStatus> end;
  };

  void adopt(const peerd::Outcome& outcome, const std::string& stay) {
    if (outcome.init <= 0) return;
    auto process = std::make_unique<Process>();
    process->watch = peerd::TaskProcess::watch(
        &loop_, outcome.init, stay,
        [raw = process.get()](core::ExitStatus status) { raw->end = status; });
    processes_.emplace_back(outcome.init, std::move(process));
  }

  template <typename Begin>
  peerd::Outcome await(Begin begin) {
    std::optional<peerd::Outcome> result;
    const auto operation = begin([&](const peerd::Outcome& outcome) { result = outcome; });
    while (!result) uv_run(&loop_, UV_RUN_ONCE);
    return *result;
  }

  uv_loop_t loop_{};
  peerd::TaskTools tools_;
  ScratchDirectory scratch_;
  int stays_ = 0;
  std::vector<std::pair<pid_t, std::unique_ptr<Process>>> processes_;
};

inline std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Does somebody write to it?
inline bool grows(const std::string& path) {
  const std::size_t before = text_of(path).size();
  return eventually([&] { return text_of(path).size() > before; });
}

// Without root and CRIU there is nothing to test: said aloud, and an error where everything must be
// tested.
#define REQUIRE_USABLE(board)                                                    \
  if (const std::string why = (board).not_usable(); !why.empty()) {              \
    const char* const ci = ::getenv("CI");                                       \
    if (ci != nullptr && std::string(ci) == "true") FAIL("not tested: " << why); \
    WARN("not tested: " << why);                                                 \
    return;                                                                      \
  }
