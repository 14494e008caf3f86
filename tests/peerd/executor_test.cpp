#include "peerd/executor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/proc_files.h"
#include "peerd/process_tree.h"
#include "tests/catch.h"
#include "tests/peerd/process_state.h"
#include "tests/peerd/scratch_directory.h"

using namespace peerd;
using Kind = core::ExitStatus::Kind;

namespace {

constexpr std::uint64_t kPatience_ns = 60'000'000'000;
constexpr core::Duration kGrace = 100 * core::kMillisecond;

// The same tests of contained tasks (spawn.h), which need root. Says so where it is somebody else;
// in continuous integration that is a failure.
bool contained() {
  if (std::getenv("CONTAINED") == nullptr) return false;
  if (::geteuid() == 0) return true;
  const char* ci = std::getenv("CI");
  if (ci != nullptr && std::string(ci) == "true") FAIL("containment needs root");
  WARN("not tested: containment needs root");
  return false;
}

core::TaskId task(std::uint64_t serial) {
  return {core::PeerId{7}, serial};
}

class Board {
 public:
  explicit Board(core::Duration grace = kGrace) {
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
  ~Board() {
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

  void start(core::TaskId id, const ProcessSpec& spec) {
    inside_call = true;
    executor->start(id, spec);
    inside_call = false;
  }

  template <class Condition>
  bool until(Condition condition) {
    const std::uint64_t deadline_ns = uv_hrtime() + kPatience_ns;
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

}  // namespace

TEST_CASE("how a process ended is reported as it was") {
  Board board;
  SECTION("success") {
    const ProcessEnd end = board.run(board.shell("exit 0"));
    CHECK(end.status == core::ExitStatus{Kind::exited, 0});
    CHECK(end.message.empty());
  }
  SECTION("exit code") {
    CHECK(board.run(board.shell("exit 42")).status == core::ExitStatus{Kind::exited, 42});
  }
  SECTION("signal") {
    const ProcessEnd end = board.run(board.shell("kill -SEGV $$"));
    CHECK(end.status == core::ExitStatus{Kind::signaled, SIGSEGV});
    CHECK(end.message.empty());
  }
  SECTION("an exit code as of a signal") {
    CHECK(board.run(board.shell("exit 137")).status == core::ExitStatus{Kind::exited, 137});
  }
  CHECK(board.executor->running() == 0);
}

TEST_CASE("a process that cannot start is reported later, from the loop") {
  Board board;
  ProcessSpec spec = board.shell("true");
  ProcessEnd expected;
  SECTION("command not found") {
    spec.arguments = {"no-such-command-xz"};
    expected = {{Kind::exited, 127}, "no-such-command-xz: command not found"};
  }
  SECTION("not executable") {
    spec.arguments = {"./data"};
    board.scratch.write("data", "");
    expected = {{Kind::exited, 126}, "./data: Permission denied"};
  }
  SECTION("no command") {
    spec.arguments = {};
    expected = {{Kind::failed, 0}, "no command given"};
  }
  SECTION("no working directory") {
    spec.directory = "/no/such";
    expected = {{Kind::failed, 0}, "working directory /no/such: No such file or directory"};
  }
  SECTION("no input") {
    spec.stdin_path = "/no/such/input";
    expected = {{Kind::failed, 0}, "standard input /no/such/input: No such file or directory"};
  }
  SECTION("no place for the output") {
    spec.stdout_path = "/no/such/output";
    expected = {{Kind::failed, 0}, "standard output /no/such/output: No such file or directory"};
  }
  SECTION("no place for the errors") {
    spec.stderr_path = board.scratch.path();
    expected = {{Kind::failed, 0}, "standard error " + board.scratch.path() + ": Is a directory"};
  }
  board.start(task(1), spec);
  CHECK(board.ends.empty());
  CHECK(board.executor->running() == 0);
  const ProcessEnd end = board.wait(task(1));
  CHECK(end.status == expected.status);
  CHECK(end.message == expected.message);
}

TEST_CASE("output is appended to private files") {
  Board board;
  board.scratch.write("out", "earlier\n");
  CHECK(board.run(board.shell("echo later; echo wrong >&2")).status.value == 0);
  CHECK(board.scratch.read("out") == "earlier\nlater\n");
  CHECK(board.scratch.read("err") == "wrong\n");
  struct stat status {};
  REQUIRE(::stat((board.scratch / "err").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("standard input is a file or empty") {
  Board board;
  ProcessSpec spec = board.shell("wc -c");
  SECTION("empty") {
    board.run(spec);
    CHECK(std::stoi(board.scratch.read("out")) == 0);
  }
  SECTION("a file") {
    spec.stdin_path = board.scratch.write("input", std::string(100'000, 'x'));
    board.run(spec);
    CHECK(std::stoi(board.scratch.read("out")) == 100'000);
  }
}

TEST_CASE("real work comes out right") {
  Board board;
  std::string data;
  for (int i = 0; i < 20'000; ++i) data += std::to_string(i * i) + "\n";
  ProcessSpec spec = board.shell("xz -9 -c | xz -d -c");
  spec.stdin_path = board.scratch.write("input", data);
  const ProcessEnd end = board.run(spec);
  INFO(board.scratch.read("err"));
  CHECK(end.status == core::ExitStatus{Kind::exited, 0});
  CHECK(board.scratch.read("out") == data);
}

TEST_CASE("the CPU limit ends a process and says so") {
  Board board;
  ProcessSpec spec = board.shell("while :; do :; done");
  spec.cpu_limit_s = 1;
  SECTION("by SIGXCPU") {
    const ProcessEnd end = board.run(spec);
    CHECK(end.status == core::ExitStatus{Kind::signaled, SIGXCPU});
    CHECK(end.message == "CPU limit of 1 s exceeded");
  }
  SECTION("by SIGKILL if it does not care") {
    spec.arguments[2] = "trap '' XCPU; " + spec.arguments[2];
    const ProcessEnd end = board.run(spec);
    CHECK(end.status == core::ExitStatus{Kind::signaled, SIGKILL});
    CHECK(end.message == "CPU limit of 1 s exceeded");
  }
  SECTION("in a child of its shell") {
    spec.arguments[2] = "sh -c '" + spec.arguments[2] + "'; exit $?";
    const ProcessEnd end = board.run(spec);
    CHECK(end.status == core::ExitStatus{Kind::exited, 128 + SIGXCPU});
    CHECK(end.message == "CPU limit of 1 s exceeded");
  }
}

TEST_CASE("a signal that is not the limit's is not blamed on it") {
  Board board;
  ProcessSpec spec = board.shell("kill -KILL $$");
  spec.cpu_limit_s = 1000;
  const ProcessEnd end = board.run(spec);
  CHECK(end.status == core::ExitStatus{Kind::signaled, SIGKILL});
  CHECK(end.message.empty());
}

TEST_CASE("the memory limit holds") {
  Board board;
  // dd wants a buffer of 256 MiB.
  ProcessSpec spec = board.shell("dd if=/dev/zero of=/dev/null bs=256M count=1");
  SECTION("against a process that wants more") {
    spec.memory_limit_bytes = 64 << 20;
    const ProcessEnd end = board.run(spec);
    CHECK(end.status != core::ExitStatus{Kind::exited, 0});
    if (board.executor->limits_in_use().starts_with("cgroup"))
      CHECK(end.message == "memory limit of 64 MiB exceeded");
  }
  SECTION("for one that needs less") {
    spec.memory_limit_bytes = 1024 << 20;
    CHECK(board.run(spec).status == core::ExitStatus{Kind::exited, 0});
  }
}

TEST_CASE("which limits are in use is said in a line") {
  Board board;
  const std::string text = board.executor->limits_in_use();
  INFO(text);
  const bool by_cgroup = text.starts_with("cgroup v2 at /");
  const bool by_rlimit = text.starts_with("rlimits: ") && text.size() > 9;
  CHECK((by_cgroup || by_rlimit));
}

TEST_CASE("what a process leaves behind is killed when it ends") {
  Board board;
  SECTION("in its process group") {
    board.run(board.shell("sleep 1000 & echo $! >left"));
  }
  SECTION("in another process group of its session") {
    board.run(board.job_control_shell("sleep 1000 & echo $! >left"));
  }
  const pid_t left = board.pid_in("left");
  CHECK(board.until([&] { return !is_alive(left); }));
}

TEST_CASE("stop ends a process and its children by SIGTERM") {
  Board board(core::kSecond * 1000);
  bool own_group = false;
  SECTION("in its process group") {
    board.start(task(1), board.shell("sleep 1000 & echo $! >child; wait"));
  }
  SECTION("in another process group of its session") {
    own_group = true;
    board.start(task(1), board.job_control_shell("sleep 1000 & echo $! >child; wait"));
  }
  const pid_t child = board.pid_in("child");
  CHECK(is_alive(child));
  CHECK((::getpgid(child) == child) == own_group);
  board.executor->stop(task(1));
  CHECK(board.wait(task(1)).status == core::ExitStatus{Kind::signaled, SIGTERM});
  CHECK(board.until([&] { return !is_alive(child); }));
}

TEST_CASE("a frozen task's processes stand still, all of them, until it is thawed") {
  Board board;
  // A shell's wait also ends when its job is stopped.
  board.start(task(1),
              board.job_control_shell("while :; do sleep 0.01; done & echo $! > job; "
                                      "echo $$ > main; while :; do wait; sleep 0.01; done"));
  const pid_t job = board.pid_in("job");
  const pid_t main = board.pid_in("main");
  board.executor->freeze(task(1));
  CHECK(board.until([&] { return state_of(job) == 'T' && state_of(main) == 'T'; }));
  board.executor->thaw(task(1));
  CHECK(board.until([&] { return state_of(job) != 'T' && state_of(main) != 'T'; }));
  board.executor->freeze(task(1));
  SECTION("one that is killed ends") {
    board.executor->kill(task(1));
  }
  SECTION("so does one that is stopped") {
    board.executor->stop(task(1));
  }
  CHECK(board.wait(task(1)).status.kind == Kind::signaled);
  CHECK(board.until([&] { return !is_alive(job); }));
  board.executor->freeze(task(2));  // unknown: nothing happens
  board.executor->thaw(task(2));
}

TEST_CASE("a session of its own is no way out for a contained process") {
  if (!contained()) return;
  Board board;
  // "setsid -f" forks, so that its parent is gone.
  board.start(task(1), board.shell("setsid -f sh -c 'echo $$ >out_of_it; while :; do :; done'; "
                                   "echo $$ >main; while :; do sleep 0.01; done"));
  const pid_t escaped = board.pid_in("out_of_it");
  const pid_t main = board.pid_in("main");
  CHECK(::getsid(escaped) == escaped);
  SECTION("from being frozen") {
    board.executor->freeze(task(1));
    CHECK(board.until([&] { return state_of(escaped) == 'T'; }));
    board.executor->thaw(task(1));
    CHECK(board.until([&] { return state_of(escaped) == 'R'; }));
    board.executor->kill(task(1));
  }
  SECTION("from being stopped") {
    board.executor->stop(task(1));
  }
  SECTION("from the main process's end") {
    ::kill(main, SIGKILL);
  }
  CHECK(board.wait(task(1)).status.kind == Kind::signaled);
  CHECK(!is_alive(escaped));  // nor for a moment
}

TEST_CASE("a contained process sees nobody but its own, and is not the first") {
  if (!contained()) return;
  Board board;
  board.run(board.shell("echo $$; echo /proc/[0-9]*"));
  CHECK(board.scratch.read("out") == "2\n/proc/1 /proc/2\n");
  CHECK(std::filesystem::exists(proc_path(::getpid(), "status")));
}

TEST_CASE("stop tells the other process groups of the session, too") {
  Board board(core::kSecond * 1000);
  board.start(task(1),
              board.job_control_shell("trap : TERM;"
                                      "sh -c 'trap \"echo 1 >told; exit\" TERM; echo $$ >child;"
                                      "       while :; do sleep 0.01; done' &"
                                      "wait; wait; exit 4"));
  board.pid_in("child");
  board.executor->stop(task(1));
  CHECK(board.wait(task(1)).status == core::ExitStatus{Kind::exited, 4});
  CHECK(board.scratch.read("told") == "1\n");
}

TEST_CASE("a process may end in its own way when stopped") {
  Board board(core::kSecond * 1000);
  board.start(task(1),
              board.shell("trap 'exit 3' TERM; echo 1 >ready; while :; do sleep 0.01; done"));
  board.pid_in("ready");
  board.executor->stop(task(1));
  board.executor->stop(task(1));
  CHECK(board.wait(task(1)).status == core::ExitStatus{Kind::exited, 3});
}

TEST_CASE("a process that ignores SIGTERM is killed after the grace") {
  Board board;
  board.start(task(1), board.shell("trap '' TERM; echo 1 >ready; while :; do sleep 0.01; done"));
  board.pid_in("ready");
  // Asking again does not prolong it.
  CHECK(board.until([&] {
    board.executor->stop(task(1));
    return board.reports == 1;
  }));
  CHECK(board.wait(task(1)).status == core::ExitStatus{Kind::signaled, SIGKILL});
}

TEST_CASE("a process that is suspended is stopped as well") {
  Board board(core::kSecond * 1000);
  board.start(task(1), board.shell("echo $$ >ready; kill -STOP $$; exit 1"));
  board.pid_in("ready");
  board.executor->stop(task(1));
  CHECK(board.wait(task(1)).status == core::ExitStatus{Kind::signaled, SIGTERM});
}

TEST_CASE("kill is at once") {
  Board board(core::kSecond * 1000);
  board.start(task(1), board.shell("trap '' TERM; echo $$ >ready; while :; do sleep 0.01; done"));
  board.pid_in("ready");
  board.executor->kill(task(1));
  CHECK(board.wait(task(1)).status == core::ExitStatus{Kind::signaled, SIGKILL});
}

TEST_CASE("unknown tasks are neither stopped nor killed") {
  Board board;
  board.executor->stop(task(1));
  board.executor->kill(task(1));
  board.run(board.shell("exit 5"));
  board.executor->stop(task(1));
  board.executor->kill(task(1));
  CHECK(board.reports == 1);
}

TEST_CASE("an executor that goes away leaves nothing running and reports nothing") {
  Board board;
  board.start(task(1),
              board.shell("trap '' TERM; sleep 1000 & echo $$ >main; echo $! >child; wait"));
  board.start(task(2),
              board.job_control_shell("sleep 1000 & echo $$ >main2; echo $! >child2; wait"));
  std::vector<pid_t> pids;
  for (const char* name : {"main", "child", "main2", "child2"}) {
    pids.push_back(board.pid_in(name));
    CHECK(is_alive(pids.back()));
  }
  CHECK(board.executor->running() == 2);
  board.executor.reset();
  for (pid_t pid : pids) CHECK(eventually([&] { return !is_alive(pid); }));
  CHECK(board.reports == 0);
}

TEST_CASE("a task may be started from the end of another") {
  Board board;
  constexpr std::uint64_t kTasks = 500;
  constexpr std::uint64_t kAtOnce = 4;
  ProcessSpec spec = board.shell("");
  spec.arguments = {"/bin/true"};
  std::uint64_t started = 0;
  const auto start_one = [&] {
    if (started < kTasks) board.executor->start(task(++started), spec);
  };
  board.on_end = [&](core::TaskId) { start_one(); };
  for (std::uint64_t i = 0; i < kAtOnce; ++i) start_one();
  CHECK(board.executor->running() == kAtOnce);
  REQUIRE(board.until([&] { return board.reports == kTasks; }));
  for (const auto& [id, end] : board.ends) CHECK(end.status == core::ExitStatus{Kind::exited, 0});
  CHECK(board.executor->running() == 0);
}

TEST_CASE("many processes at once end each with its own code") {
  Board board;
  for (std::uint64_t i = 0; i < 100; ++i)
    board.start(task(i), board.shell("exit " + std::to_string(i)));
  REQUIRE(board.until([&] { return board.reports == 100; }));
  for (const auto& [id, end] : board.ends)
    CHECK(end.status == core::ExitStatus{Kind::exited, static_cast<std::int32_t>(id.serial)});
}

TEST_CASE("no descriptor is left open") {
  Board board;
  const auto open_descriptors = [] {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      (void)entry;
      ++count;
    }
    return count;
  };
  board.run(board.shell("exit 0"));
  const std::size_t before = open_descriptors();
  ProcessSpec missing = board.shell("");
  missing.arguments = {"no-such-command-xz"};
  for (std::uint64_t i = 2; i < 20; ++i) {
    board.start(task(i), i % 2 == 0 ? board.shell("exit 0") : missing);
    board.wait(task(i));
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("a child that is not the executor's is left to its parent") {
  Board board;
  const pid_t stranger = ::fork();
  if (stranger == 0) ::_exit(9);
  board.run(board.shell("exit 0"));
  int status = 0;
  CHECK(::waitpid(stranger, &status, 0) == stranger);
  CHECK(WEXITSTATUS(status) == 9);
}
