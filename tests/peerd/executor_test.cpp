#include "peerd/executor.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <sstream>
#include <string>

#include "tests/catch.h"
#include "tests/peerd/executor_board.h"

using namespace peerd;
using Kind = core::ExitStatus::Kind;

TEST_CASE("how a process ended is reported as it was") {
  ExecutorBoard board;
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
  ExecutorBoard board;
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
  ExecutorBoard board;
  board.scratch.write("out", "earlier\n");
  CHECK(board.run(board.shell("echo later; echo wrong >&2")).status.value == 0);
  CHECK(board.scratch.read("out") == "earlier\nlater\n");
  CHECK(board.scratch.read("err") == "wrong\n");
  struct stat status {};
  REQUIRE(::stat((board.scratch / "err").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("standard input is a file or empty") {
  ExecutorBoard board;
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
  ExecutorBoard board;
  std::string data;
  for (int i = 0; i < 20'000; ++i) data += std::to_string(i * i) + "\n";
  ProcessSpec spec = board.shell("xz -9 -c | xz -d -c");
  spec.stdin_path = board.scratch.write("input", data);
  const ProcessEnd end = board.run(spec);
  INFO(board.scratch.read("err"));
  CHECK(end.status == core::ExitStatus{Kind::exited, 0});
  CHECK(board.scratch.read("out") == data);
}

TEST_CASE("a process that wants to be traced by its parent goes on untraced") {
  ExecutorBoard board;
  ProcessSpec spec = board.shell("");
  spec.arguments = {"/usr/bin/python3", "-S", "-c",
                    "import ctypes, os, signal, sys\n"
                    "signal.signal(signal.SIGUSR1, lambda *_: sys.exit(9))\n"
                    "assert ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0\n"
                    "os.kill(os.getpid(), signal.SIGUSR1)\n"
                    "signal.pause()\n"};
  // A process that is not contained has the executor for its parent, and stands still.
  if (!contained()) return;
  CHECK(board.run(spec).status == core::ExitStatus{Kind::exited, 9});
}

TEST_CASE("the CPU limit ends a process and says so") {
  ExecutorBoard board;
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
  ExecutorBoard board;
  ProcessSpec spec = board.shell("kill -KILL $$");
  spec.cpu_limit_s = 1000;
  const ProcessEnd end = board.run(spec);
  CHECK(end.status == core::ExitStatus{Kind::signaled, SIGKILL});
  CHECK(end.message.empty());
}

TEST_CASE("the memory limit holds") {
  ExecutorBoard board;
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
  ExecutorBoard board;
  const std::string text = board.executor->limits_in_use();
  INFO(text);
  const bool by_cgroup = text.starts_with("cgroup v2 at /");
  const bool by_rlimit = text.starts_with("rlimits: ") && text.size() > 9;
  CHECK((by_cgroup || by_rlimit));
}

TEST_CASE("a contained process sees nobody but its own, and is not the first") {
  if (!contained()) return;
  ExecutorBoard board;
  // The starter, who ends at once.
  board.run(board.shell("while [ -e /proc/2 ]; do :; done; echo $$; echo /proc/[0-9]*"));
  CHECK(board.scratch.read("out") == "3\n/proc/1 /proc/3\n");
  CHECK(std::filesystem::exists(proc_path(::getpid(), "status")));
}

TEST_CASE("contained tasks of users follow each other in a namespace, root's have their own") {
  if (!contained()) return;
  ExecutorBoard board;
  Executor::Users users;
  bool again = false;
  SECTION("a user's") {
    users.task = find_user("nobody").value();
    again = true;
  }
  SECTION("root's, who may mount something") {}
  ProcessSpec spec = board.shell(
      "echo $$ >>numbers; [ -e mounted/file ] && echo mounted;"
      "[ -e left ] && kill -0 $(cat left) && echo alive;"
      "mkdir -p mounted; [ $(id -u) = 0 ] && mount -t tmpfs none mounted && touch mounted/file;"
      "setsid -f sh -c 'echo $$ >left; exec sleep 1000'; until [ -e left ]; do :; done; exit 3");
  spec.own = board.scratch.path();
  for (std::uint64_t serial = 1; serial <= 2; ++serial) {
    board.start(task(serial), spec, users);
    CHECK(board.wait(task(serial)).status == core::ExitStatus{Kind::exited, 3});
  }
  std::istringstream numbers(board.scratch.read("numbers"));
  int first = 0;
  int second = 0;
  numbers >> first >> second;
  CHECK(first == 3);  // after init and the starter
  CHECK((second > first) == again);
  CHECK(board.scratch.read("out") == "");
  CHECK(processes_of(::getpid()).size() == (again ? 2 : 1));  // with the free namespace's init
}

TEST_CASE("a task may be started from the end of another") {
  ExecutorBoard board;
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
  ExecutorBoard board;
  for (std::uint64_t i = 0; i < 100; ++i)
    board.start(task(i), board.shell("exit " + std::to_string(i)));
  REQUIRE(board.until([&] { return board.reports == 100; }));
  for (const auto& [id, end] : board.ends)
    CHECK(end.status == core::ExitStatus{Kind::exited, static_cast<std::int32_t>(id.serial)});
}

TEST_CASE("no descriptor is left open") {
  ExecutorBoard board;
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
  ExecutorBoard board;
  const pid_t stranger = ::fork();
  if (stranger == 0) ::_exit(9);
  board.run(board.shell("exit 0"));
  int status = 0;
  CHECK(::waitpid(stranger, &status, 0) == stranger);
  CHECK(WEXITSTATUS(status) == 9);
}
