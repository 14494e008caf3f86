// An executor in an event loop, with a directory for what its processes write.
#pragma once

#include <unistd.h>
#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "peerd/executor.h"
#include "peerd/proc_files.h"
#include "peerd/process_tree.h"
#include "tests/catch.h"
#include "tests/peerd/needs_root.h"
#include "tests/peerd/scratch_directory.h"

namespace peerd {

inline constexpr std::uint64_t kBoardPatience_ns = 60'000'000'000;
inline constexpr core::Duration kGrace = 100 * core::kMillisecond;

// The same tests of contained tasks (task_namespace.h).
inline bool contained() {
  return std::getenv("CONTAINED") != nullptr && is_root();
}

inline core::TaskId task(std::uint64_t serial) {
  return {core::PeerId{7}, serial};
}

class ExecutorBoard {
 public:
  explicit ExecutorBoard(core::Duration grace = kGrace) {
    uv_loop_init(&loop_);
    // Wakes the loop up, so that conditions outside it are looked at.
    uv_timer_init(&loop_, &heartbeat_);
    uv_timer_start(
        &heartbeat_, [](uv_timer_t*) {}, 5, 5);
    executor = std::make_unique<Executor>(&loop_, grace, contained(),
                                          [this](core::TaskId id, const ProcessEnd& end) {
                                            const bool first = ends.emplace(id, end).second;
                                            ++reports;
                                            CHECK(first);
                                            CHECK(!inside_call);
                                            if (on_end) on_end(id);
                                          });
    REQUIRE(executor->not_contained_reason() == "");
  }
  ~ExecutorBoard() {
    executor.reset();
    uv_close(reinterpret_cast<uv_handle_t*>(&heartbeat_), nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop_) == 0);
  }

  ProcessSpec shell(const std::string& script) const {
    ProcessSpec spec;
    spec.arguments = {"sh", "-c", script};
    spec.environment = {"PATH=/usr/bin:/bin"};
    spec.directory = scratch.path();
    spec.stdout_path = scratch / "out";
    spec.stderr_path = scratch / "err";
    return spec;
  }

  // A shell with job control: each of its background jobs is a process group.
  ProcessSpec job_control_shell(const std::string& script) const {
    ProcessSpec spec = shell("set -m; " + script);
    spec.arguments[0] = "bash";
    return spec;
  }

  void start(core::TaskId id, const ProcessSpec& spec,
             const std::optional<Executor::Users>& users = std::nullopt) {
    inside_call = true;
    executor->start(id, spec, users);
    inside_call = false;
  }

  template <class Condition>
  bool until(Condition condition) {
    const std::uint64_t deadline_ns = uv_hrtime() + kBoardPatience_ns;
    while (!condition()) {
      if (uv_hrtime() > deadline_ns) return false;
      uv_run(&loop_, UV_RUN_ONCE);
    }
    return true;
  }

  ProcessEnd wait(core::TaskId id) {
    REQUIRE(until([&] { return ends.contains(id); }));
    return ends.at(id);
  }

  ProcessEnd run(const ProcessSpec& spec) {
    start(task(1), spec);
    return wait(task(1));
  }

  // A process's number that the script writes into a file, whole, when it is ready. -1 if it was a
  // contained one's, and that is gone.
  pid_t pid_in(const std::string& name) {
    REQUIRE(until([&] { return scratch.read(name).ends_with('\n'); }));
    const std::string number = scratch.read(name);
    if (!contained()) return std::stoi(number);
    for (const pid_t pid : processes_of(::getpid())) {
      const std::string status = read_text(proc_path(pid, "status"));
      const std::string_view numbers = field_of(status, "NSpid");
      if (std::string(numbers).ends_with("\t" + number.substr(0, number.size() - 1))) return pid;
    }
    return -1;
  }

  ScratchDirectory scratch;
  std::map<core::TaskId, ProcessEnd> ends;
  std::size_t reports = 0;
  bool inside_call = false;
  std::function<void(core::TaskId)> on_end;
  std::unique_ptr<Executor> executor;

 private:
  uv_loop_t loop_;
  uv_timer_t heartbeat_;
};

}  // namespace peerd
