#include "peerd/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <string>
#include <vector>

#include "peerd/unique_fd.h"
#include "tests/catch.h"
#include "tests/peerd/process_state.h"
#include "tests/peerd/scratch_directory.h"

using namespace peerd;
using Kind = core::ExitStatus::Kind;

namespace {

struct Trial {
  ScratchDirectory scratch;
  std::vector<std::string> arguments;
  std::vector<std::string> environment = {"PATH=/usr/bin:/bin"};
  std::string directory = scratch.path();
  std::string stdin_text;
  int nice = 0;
  std::uint64_t cpu_limit_s = 0;
  std::uint64_t address_space_bytes = 0;
  int cgroup_procs_fd = -1;

  Trial(std::vector<std::string> command) : arguments(std::move(command)) {}

  Spawned spawn() {
    UniqueFd in(::open(scratch.write("in", stdin_text).c_str(), O_RDONLY | O_CLOEXEC));
    constexpr int kAppend = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    UniqueFd out(::open((scratch / "out").c_str(), kAppend, 0600));
    UniqueFd err(::open((scratch / "err").c_str(), kAppend, 0600));
    SpawnRequest request{arguments, environment, directory};
    request.stdin_fd = in.get();
    request.stdout_fd = out.get();
    request.stderr_fd = err.get();
    request.nice = nice;
    request.cpu_limit_s = cpu_limit_s;
    request.address_space_bytes = address_space_bytes;
    request.cgroup_procs_fd = cgroup_procs_fd;
    return peerd::spawn(request);
  }

  // The wait status of a command that must start.
  int run() {
    const Spawned spawned = spawn();
    INFO(spawned.message);
    REQUIRE(spawned.pid > 0);
    int status = 0;
    REQUIRE(::waitpid(spawned.pid, &status, 0) == spawned.pid);
    return status;
  }

  std::string output_of_success() {
    const int status = run();
    INFO(scratch.read("err"));
    REQUIRE(WIFEXITED(status));
    REQUIRE(WEXITSTATUS(status) == 0);
    return scratch.read("out");
  }

  void make_executable(const std::string& name, const std::string& text) const {
    REQUIRE(::chmod(scratch.write(name, text).c_str(), 0755) == 0);
  }
};

void check_not_started(Trial& trial, int exit_code, const std::string& message) {
  const Spawned spawned = trial.spawn();
  CHECK(spawned.pid == -1);
  CHECK(spawned.status == core::ExitStatus{Kind::exited, exit_code});
  CHECK(spawned.message == message);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);  // and no zombie
  CHECK(errno == ECHILD);
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> result;
  for (std::string word; stream >> word;) result.push_back(word);
  return result;
}

// Field `number`, counted from 1 as in proc(5), of /proc/PID/stat of a program without spaces.
long stat_field(const std::string& stat, std::size_t number) {
  return std::stol(words(stat).at(number - 1));
}

}  // namespace

TEST_CASE("a program runs with its arguments, streams and directory") {
  Trial trial({"sh", "-c", "cat; echo \"$1|$2\" >&2; pwd", "sh", "two words", ""});
  trial.stdin_text = "from a file\n";
  CHECK(trial.output_of_success() == "from a file\n" + trial.directory + "\n");
  CHECK(trial.scratch.read("err") == "two words|\n");
}

TEST_CASE("the environment is the one given, and nothing else") {
  ::setenv("PEERD_TEST_INHERITED", "1", 1);
  Trial trial({"/usr/bin/env"});
  trial.environment = {"A=1", "B=with spaces", "EMPTY="};
  CHECK(trial.output_of_success() == "A=1\nB=with spaces\nEMPTY=\n");
}

TEST_CASE("a process leads a session of its own") {
  Trial trial({"sh", "-c", "echo $$; cat /proc/$$/stat"});
  const std::string output = trial.output_of_success();
  const long pid = std::stol(output);
  const std::string stat = output.substr(output.find('\n') + 1);
  CHECK(stat_field(stat, 1) == pid);
  CHECK(stat_field(stat, 4) == ::getpid());  // parent
  CHECK(stat_field(stat, 5) == pid);         // process group
  CHECK(stat_field(stat, 6) == pid);         // session
  CHECK(stat_field(stat, 7) == 0);           // terminal
}

TEST_CASE("the nice value is on top of the caller's") {
  const int own = ::getpriority(PRIO_PROCESS, 0);
  Trial trial({"cat", "/proc/self/stat"});
  SECTION("none") {
    CHECK(stat_field(trial.output_of_success(), 19) == own);
  }
  SECTION("seven") {
    trial.nice = 7;
    CHECK(stat_field(trial.output_of_success(), 19) == std::min(own + 7, 19));
  }
  SECTION("more than there is") {
    trial.nice = 100;
    CHECK(stat_field(trial.output_of_success(), 19) == 19);
  }
  CHECK(::getpriority(PRIO_PROCESS, 0) == own);
}

TEST_CASE("where processes are scheduled by session, the session has the nice value") {
  Trial trial({"cat", "/proc/self/autogroup"});
  trial.nice = 7;
  // Ordinary users are refused now and then, other kernels have no such file.
  if (::geteuid() != 0 || ::access("/proc/self/autogroup", F_OK) != 0) return;
  const std::vector<std::string> group = words(trial.output_of_success());
  if (group.empty() || ::getpriority(PRIO_PROCESS, 0) != 0) return;
  CHECK(group.back() == "7");
}

TEST_CASE("no descriptor but the standard streams is passed on") {
  const UniqueFd careless(::open("/dev/null", O_RDONLY));  // without O_CLOEXEC, as libraries may
  REQUIRE(careless);
  Trial trial({"ls", "/proc/self/fd"});
  const std::vector<std::string> open = words(trial.output_of_success());
  CHECK(open == std::vector<std::string>{"0", "1", "2", "3"});  // 3 is ls's own
}

TEST_CASE("signals are neither blocked nor ignored, whatever the caller does") {
  struct Restore {
    sigset_t mask{};
    struct sigaction pipe {};
    ~Restore() {
      ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
      ::sigaction(SIGPIPE, &pipe, nullptr);
    }
  } restore;
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigset_t terminate;
  sigemptyset(&terminate);
  sigaddset(&terminate, SIGTERM);
  REQUIRE(::sigaction(SIGPIPE, &ignore, &restore.pipe) == 0);
  REQUIRE(::pthread_sigmask(SIG_BLOCK, &terminate, &restore.mask) == 0);

  Trial trial({"grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"});
  CHECK(words(trial.output_of_success()) ==
        std::vector<std::string>{"SigBlk:", "0000000000000000", "SigIgn:", "0000000000000000"});
  sigset_t now;
  REQUIRE(::pthread_sigmask(SIG_SETMASK, nullptr, &now) == 0);
  CHECK(sigismember(&now, SIGTERM) == 1);  // the caller keeps its own
  CHECK(sigismember(&now, SIGCHLD) == 0);
}

TEST_CASE("limits are those asked for") {
  Trial trial({"sh", "-c", "ulimit -St; ulimit -Ht; ulimit -v; ulimit -c"});
  SECTION("all of them") {
    trial.cpu_limit_s = 7;
    trial.address_space_bytes = 512ull << 20;
    CHECK(words(trial.output_of_success()) == std::vector<std::string>{"7", "8", "524288", "0"});
  }
  SECTION("none") {
    rlimit cpu{};
    REQUIRE(::getrlimit(RLIMIT_CPU, &cpu) == 0);
    if (cpu.rlim_cur == RLIM_INFINITY)
      CHECK(words(trial.output_of_success()) ==
            std::vector<std::string>{"unlimited", "unlimited", "unlimited", "0"});
  }
}

TEST_CASE("exit codes and signals are the program's") {
  CHECK(WEXITSTATUS(Trial({"sh", "-c", "exit 42"}).run()) == 42);
  CHECK(WTERMSIG(Trial({"sh", "-c", "kill -ABRT $$"}).run()) == SIGABRT);
}

TEST_CASE("a command that is not there is 127") {
  SECTION("in PATH") {
    Trial trial({"no-such-command-xz"});
    check_not_started(trial, 127, "no-such-command-xz: command not found");
  }
  SECTION("by path") {
    Trial trial({"./missing"});
    check_not_started(trial, 127, "./missing: No such file or directory");
  }
  SECTION("below a file") {
    Trial trial({"/etc/passwd/x"});
    check_not_started(trial, 127, "/etc/passwd/x: No such file or directory");
  }
  SECTION("without a name") {
    Trial trial({""});
    check_not_started(trial, 127, ": command not found");
  }
  SECTION("because the task's PATH, not ours, counts") {
    Trial trial({"sh"});
    trial.environment = {"PATH=" + trial.scratch.path()};
    check_not_started(trial, 127, "sh: command not found");
  }
  SECTION("where PATH has only a directory of that name") {
    Trial trial({"bin"});
    trial.environment = {"PATH=/usr"};
    check_not_started(trial, 127, "bin: command not found");
  }
}

TEST_CASE("a file that cannot be executed is 126") {
  SECTION("for its mode") {
    Trial trial({"./data"});
    trial.scratch.write("data", "text\n");
    check_not_started(trial, 126, "./data: Permission denied");
  }
  SECTION("for being a directory") {
    Trial trial({"/tmp"});
    check_not_started(trial, 126, "/tmp: Is a directory");
  }
  SECTION("for another machine's format") {
    Trial trial({"./alien"});
    trial.make_executable("alien", std::string("\x7f"
                                               "ELF\0\0\0\0\0\0\0\0",
                                               12));
    check_not_started(trial, 126, "./alien: Exec format error");
  }
  SECTION("for want of its interpreter") {
    Trial trial({"./script"});
    trial.make_executable("script", "#!/no/such/interpreter\n");
    check_not_started(trial, 126, "./script: its interpreter is missing");
  }
  SECTION("for too many arguments") {
    Trial trial({"true", std::string(1 << 20, 'x')});
    check_not_started(trial, 126, "/usr/bin/true: Argument list too long");
  }
}

TEST_CASE("PATH is searched as the shell does") {
  Trial trial({"tool", "argument"});
  const std::string first = trial.scratch / "first", second = trial.scratch / "second";
  trial.scratch.write("first/tool", "may not be executed\n");
  trial.make_executable("second/tool", "#!/bin/sh\necho second $1\n");
  SECTION("on to the next directory when a file is not executable") {
    trial.environment = {"PATH=/no/such:" + first + ":" + second};
    CHECK(trial.output_of_success() == "second argument\n");
  }
  SECTION("which is the answer when there is nothing else") {
    trial.environment = {"PATH=" + first + ":/no/such"};
    check_not_started(trial, 126, first + "/tool: Permission denied");
  }
  SECTION("an empty entry is the working directory") {
    trial.environment = {"PATH=/no/such:"};
    trial.directory = second;
    CHECK(trial.output_of_success() == "second argument\n");
  }
  SECTION("without PATH, where the system has its programs") {
    trial.environment = {};
    trial.arguments = {"echo", "found"};
    CHECK(trial.output_of_success() == "found\n");
  }
}

TEST_CASE("a text file without #! is a shell script") {
  Trial trial({"./script", "1", "2 3"});
  trial.make_executable("script", "echo $# \"$2\"\n");
  CHECK(trial.output_of_success() == "2 2 3\n");
}

TEST_CASE("a missing working directory fails with its name") {
  Trial trial({"true"});
  trial.directory = "/no/such/directory";
  const Spawned spawned = trial.spawn();
  CHECK(spawned.pid == -1);
  CHECK(spawned.status == core::ExitStatus{Kind::failed, 0});
  CHECK(spawned.message == "working directory /no/such/directory: No such file or directory");
}

TEST_CASE("a cgroup that cannot be joined fails with a message") {
  Trial trial({"true"});
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  trial.cgroup_procs_fd = full.get();
  const Spawned spawned = trial.spawn();
  CHECK(spawned.status == core::ExitStatus{Kind::failed, 0});
  CHECK(spawned.message == "joining the cgroup: No space left on device");
}

TEST_CASE("a process does not outlive its killed parent") {
  Trial trial({"sleep", "1000"});
  const pid_t daemon = ::fork();
  if (daemon == 0) {
    trial.scratch.write("pid", std::to_string(trial.spawn().pid) + "\n");
    for (;;) ::pause();
  }
  REQUIRE(daemon > 0);
  const bool started = eventually([&] { return trial.scratch.read("pid").ends_with('\n'); });
  const pid_t pid = started ? std::stoi(trial.scratch.read("pid")) : 0;
  const bool alive = is_alive(pid);
  ::kill(daemon, SIGKILL);
  ::waitpid(daemon, nullptr, 0);
  CHECK(alive);
  const bool gone = eventually([&] { return !is_alive(pid); });
  CHECK(gone);
  if (alive && !gone) ::kill(pid, SIGKILL);
}
