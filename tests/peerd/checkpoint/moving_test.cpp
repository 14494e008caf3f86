// Real programs are moved while they run: dump, stream, restore, from one stay to another.
#include <fcntl.h>

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <vector>

#include "peerd/checkpoint/remains.h"
#include "peerd/proc_files.h"
#include "tests/peerd/checkpoint/board_under_test.h"

using peerd::Outcome;

namespace {

constexpr int kHops = 20;

// Threads, a child behind two pipes, a file that has no name any more, a timer, a pending signal, a
// lock, growing outputs. Counts until a file "stop" appears, and ends with 42 if everything is as
// it should be.
constexpr const char* kBusy = R"py(
import fcntl, os, signal, subprocess, sys, threading, time
me = os.getpid()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
os.kill(me, signal.SIGUSR1)
ghost = open("ghost", "w+")
os.unlink("ghost")
ghost.write("x" * 300000)
ghost.flush()
ticks = [0, 0]
def on_alarm(number, frame): ticks[0] += 1
signal.signal(signal.SIGALRM, on_alarm)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
def count():
    while True:
        ticks[1] += 1
        time.sleep(0.002)
threading.Thread(target=count, daemon=True).start()
cat = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
log = open("log", "a")
lock = open("lock", "w")
fcntl.lockf(lock, fcntl.LOCK_EX)
before = time.monotonic()
i = 0
while not os.path.exists("stop"):
    cat.stdin.write(b"%d\n" % i)
    cat.stdin.flush()
    line = cat.stdout.readline().decode()
    sys.stdout.write(line)
    sys.stdout.flush()
    log.write(line)
    log.flush()
    assert time.monotonic() >= before
    before = time.monotonic()
    i += 1
    time.sleep(0.001)
signal.setitimer(signal.ITIMER_REAL, 0)
ghost.seek(0)
assert ghost.read() == "x" * 300000
assert signal.SIGUSR1 in signal.sigpending()
assert os.getpid() == me == int(os.readlink("/proc/self"))
assert min(ticks) > 0
contender = subprocess.run([sys.executable, "-c",
    "import fcntl; fcntl.lockf(open('lock', 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB)"],
    stderr=subprocess.DEVNULL)
assert contender.returncode != 0
sys.exit(42)
)py";

// Of its standard input.
bool has_read_some(pid_t init) {
  const std::vector<pid_t> processes = peerd::processes_of(init);
  if (processes.size() < 2) return false;
  std::istringstream info(text_of("/proc/" + std::to_string(processes[1]) + "/fdinfo/0"));
  std::string label;
  std::uint64_t position = 0;
  info >> label >> position;
  return position > 0;
}

// It itself has used as much.
bool uses_cpu_s(pid_t pid, unsigned long long seconds) {
  const auto second = static_cast<unsigned long long>(::sysconf(_SC_CLK_TCK));
  const unsigned long long used = peerd::stat_number(pid, 14) + peerd::stat_number(pid, 15);
  return used >= seconds * second;
}

// As /proc shows it: "1000 1001 seconds", the soft one first.
std::string cpu_limit_of(pid_t pid) {
  const std::string limits = text_of("/proc/" + std::to_string(pid) + "/limits");
  std::istringstream line(limits.substr(limits.find("Max cpu time") + 12));
  std::string soft, hard;
  line >> soft >> hard;
  return soft + " " + hard;
}

std::string numbers_up_to(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += std::to_string(i) + "\n";
  return text;
}

}  // namespace

TEST_CASE("a program with threads, children, timers and ghosts survives twenty moves") {
  BoardUnderTest board;
  REQUIRE_USABLE(board);
  std::string stay = board.new_stay();
  Outcome task = board.start(stay, {"python3", "-c", kBusy});
  REQUIRE(task.kind == Outcome::Kind::done);
  for (int hop = 0; hop < kHops; ++hop) {
    REQUIRE(grows(stay + "/stdout"));
    const std::string next = board.new_stay(false);
    const auto [dumped, restored] = board.move(task.init, stay, next);
    INFO("hop " << hop << ": " << dumped.message << " / " << restored.message);
    REQUIRE(dumped.kind == Outcome::Kind::done);
    REQUIRE(restored.kind == Outcome::Kind::done);
    CHECK(text_of(next + "/stdout") == text_of(stay + "/stdout"));
    for (const pid_t pid : peerd::processes_of(restored.init))
      CHECK(text_of("/proc/" + std::to_string(pid) + "/maps").find("criu") == std::string::npos);
    board.kill(task.init);
    REQUIRE(peerd::resume_task(restored.init));
    std::filesystem::remove_all(stay);
    stay = next;
    task = restored;
  }
  REQUIRE(grows(stay + "/stdout"));
  std::ofstream(stay + "/files/stop").close();
  CHECK(board.await_end(task.init) == core::ExitStatus{core::ExitStatus::Kind::exited, 42});
  CHECK(text_of(stay + "/stderr") == "");
  const std::string out = text_of(stay + "/stdout");
  CHECK(out == numbers_up_to(static_cast<std::size_t>(std::count(out.begin(), out.end(), '\n'))));
  CHECK(out == text_of(stay + "/files/log"));
  CHECK(text_of(stay + "/status") == "exited 42\n");
}

TEST_CASE("a CPU limit counts what was used before a move") {
  BoardUnderTest board;
  REQUIRE_USABLE(board);
  std::string stay = board.new_stay();
  Outcome task = board.start(stay, {"sh", "-c", "(while :; do :; done); :"}, 1000);
  REQUIRE(task.kind == Outcome::Kind::done);
  // init, the shell that waits, the one that is busy
  std::vector<pid_t> processes;
  REQUIRE(eventually([&] { return (processes = peerd::processes_of(task.init)).size() == 3; }));
  for (const unsigned hop : {1u, 2u}) {
    REQUIRE(eventually([&] { return uses_cpu_s(processes[2], 1); }));
    const std::string next = board.new_stay(false);
    const auto [dumped, restored] = board.move(task.init, stay, next);
    INFO("hop " << hop << ": " << dumped.message << " / " << restored.message);
    REQUIRE(restored.kind == Outcome::Kind::done);
    processes = peerd::processes_of(restored.init);
    REQUIRE(processes.size() == 3);
    CHECK(cpu_limit_of(processes[0]) == "unlimited unlimited");
    CHECK(cpu_limit_of(processes[1]) == "1000 1001");
    const unsigned long left = std::stoul(cpu_limit_of(processes[2]));
    CHECK(left <= 1000 - hop);
    CHECK(left > 500);
    CHECK(cpu_limit_of(processes[2]) == std::to_string(left) + " " + std::to_string(left + 1));
    board.kill(task.init);
    peerd::resume_task(restored.init);
    stay = next;
    task = restored;
  }
  board.kill(task.init);
}

TEST_CASE("a task joins its cgroup where it starts and where it is restored") {
  BoardUnderTest board;
  REQUIRE_USABLE(board);
  const ScratchDirectory source;
  const ScratchDirectory destination;
  source.write("cgroup.procs", "");
  destination.write("cgroup.procs", "");
  board.cgroup = source.path();
  const std::string stay = board.new_stay();
  const Outcome task = board.start(stay, {"sleep", "600"});
  REQUIRE(task.kind == Outcome::Kind::done);
  CHECK(source.read("cgroup.procs") == "0");
  board.cgroup = destination.path();
  const auto [dumped, restored] = board.move(task.init, stay, board.new_stay(false));
  REQUIRE(restored.kind == Outcome::Kind::done);
  CHECK(destination.read("cgroup.procs") == "0");
  board.kill(task.init);
  board.kill(restored.init);

  board.cgroup = "/no/such/cgroup";
  const Outcome refused = board.start(board.new_stay(), {"sleep", "600"});
  CHECK(refused.message == "/no/such/cgroup/cgroup.procs: No such file or directory");
}

TEST_CASE("xz goes on in the middle of a file") {
  BoardUnderTest board;
  REQUIRE_USABLE(board);
  std::string stay = board.new_stay();
  std::string text;
  std::uint64_t chance = 1;
  while (text.size() < 1'500'000) {
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    text += std::to_string(chance >> 44) + "\n";
  }
  std::ofstream(stay + "/stdin") << text;
  ::chmod((stay + "/stdin").c_str(), 0644);
  Outcome task = board.start(stay, {"xz", "-6", "-T1"});
  REQUIRE(task.kind == Outcome::Kind::done);
  for (int hop = 0; hop < 2; ++hop) {
    REQUIRE(eventually([&] { return has_read_some(task.init); }));
    const std::string next = board.new_stay(false);
    const auto [dumped, restored] = board.move(task.init, stay, next);
    INFO(dumped.message << " / " << restored.message);
    REQUIRE(restored.kind == Outcome::Kind::done);
    board.kill(task.init);
    peerd::resume_task(restored.init);
    stay = next;
    task = restored;
  }
  CHECK(board.await_end(task.init) == core::ExitStatus{core::ExitStatus::Kind::exited, 0});
  const std::string plain = board.scratch() / "plain";
  REQUIRE(std::system(("xz -dc < " + stay + "/stdout > " + plain).c_str()) == 0);
  CHECK((text_of(plain) == text));
}

TEST_CASE("a stopped copy goes on when the move is given up") {
  BoardUnderTest board;
  REQUIRE_USABLE(board);
  const std::string stay = board.new_stay();
  const Outcome task = board.start(stay, {"python3", "-c", kBusy});
  REQUIRE(grows(stay + "/stdout"));
  const std::string next = board.new_stay(false);
  const auto [dumped, restored] = board.move(task.init, stay, next);
  REQUIRE(restored.kind == Outcome::Kind::done);
  CHECK(board.kill(restored.init) == core::ExitStatus{core::ExitStatus::Kind::signaled, 9});
  const std::string at_dump = text_of(next + "/stdout");
  CHECK(text_of(stay + "/stdout") == at_dump);  // neither copy has run meanwhile
  peerd::resume_task(task.init);
  REQUIRE(grows(stay + "/stdout"));
  std::ofstream(stay + "/files/stop").close();
  CHECK(board.await_end(task.init) == core::ExitStatus{core::ExitStatus::Kind::exited, 42});
}

TEST_CASE("files of all kinds move along") {
  BoardUnderTest board;
  REQUIRE_USABLE(board);
  const std::string stay = board.new_stay();
  const Outcome task =
      board.start(stay, {"sh", "-c",
                         "mkdir d; echo hello > d/f; chmod 750 d/f; ln -s d/f link; mkfifo pipe; "
                         "truncate -s 100M sparse; echo end >> sparse; echo ready; "
                         "while [ ! -e stop ]; do sleep 0.02; done; cat link; tail -n 1 sparse"});
  REQUIRE(eventually([&] { return text_of(stay + "/stdout") == "ready\n"; }));
  const std::string next = board.new_stay(false);
  const auto [dumped, restored] = board.move(task.init, stay, next);
  INFO(dumped.message << " / " << restored.message);
  REQUIRE(restored.kind == Outcome::Kind::done);
  board.kill(task.init);
  struct stat status {};
  REQUIRE(::stat((next + "/files/sparse").c_str(), &status) == 0);
  CHECK(status.st_size > 100'000'000);
  CHECK(status.st_blocks < 1000);
  CHECK(status.st_uid == kNobody.uid);
  REQUIRE(::stat((next + "/files/d/f").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0750);
  peerd::resume_task(restored.init);
  std::ofstream(next + "/files/stop").close();
  CHECK(board.await_end(restored.init).value == 0);
  CHECK(text_of(next + "/stdout").find("hello\n") != std::string::npos);
  CHECK(text_of(next + "/stdout").ends_with("end\n"));
}

// CRIU restores one as root's: it is nobody's any more.
TEST_CASE("a child that has ended, and nobody has waited for, moves along") {
  BoardUnderTest board;
  REQUIRE_USABLE(board);
  const std::string stay = board.new_stay();
  const Outcome task = board.start(stay, {"sh", "-c", "true & exec sleep 600"});
  REQUIRE(task.kind == Outcome::Kind::done);
  REQUIRE(eventually([&] {
    const std::vector<pid_t> processes = peerd::processes_of(task.init);
    return processes.size() == 3 && state_of(processes[2]) == 'Z';
  }));
  const auto [dumped, restored] = board.move(task.init, stay, board.new_stay(false));
  INFO(dumped.message << " / " << restored.message);
  REQUIRE(restored.kind == Outcome::Kind::done);
  CHECK(peerd::processes_of(restored.init).size() == 3);
  board.kill(task.init);
  board.kill(restored.init);
}

TEST_CASE("how a task ends is told") {
  BoardUnderTest board;
  REQUIRE_USABLE(board);
  using Kind = core::ExitStatus::Kind;
  const auto end_of = [&](const std::vector<std::string>& arguments) {
    const Outcome task = board.start(board.new_stay(), arguments);
    return task.kind == Outcome::Kind::done ? board.await_end(task.init) : task.status;
  };
  CHECK(end_of({"sh", "-c", "exit 3"}) == core::ExitStatus{Kind::exited, 3});
  CHECK(end_of({"sh", "-c", "kill -9 $$"}) == core::ExitStatus{Kind::signaled, 9});
  CHECK(end_of({"no-such-command"}) == core::ExitStatus{Kind::exited, 127});
  CHECK(end_of({"/etc/passwd"}) == core::ExitStatus{Kind::exited, 126});
  SECTION("its other processes end with it") {
    const std::string stay = board.new_stay();
    const Outcome task = board.start(stay, {"sh", "-c", "setsid sleep 1000 & echo ready; read x"});
    // stdin is /dev/null, so it ends at once.
    board.await_end(task.init);
    CHECK(peerd::processes_of(task.init).empty());
  }
  SECTION("SIGTERM reaches everybody") {
    const std::string stay = board.new_stay();
    const Outcome task = board.start(
        stay,
        {"sh", "-c", "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.05; done"});
    REQUIRE(eventually([&] { return text_of(stay + "/stdout") == "ready\n"; }));
    ::kill(task.init, SIGTERM);  // init passes it on
    CHECK(board.await_end(task.init) == core::ExitStatus{Kind::exited, 5});
    CHECK(text_of(stay + "/stdout") == "ready\ncaught\n");
  }
}

TEST_CASE("of an operation that was killed the task that it left is ended, and no other") {
  BoardUnderTest board;
  REQUIRE_USABLE(board);
  const std::string stay = board.new_stay();
  const Outcome left = board.start(stay, {"sleep", "1000"});
  const Outcome other = board.start(board.new_stay(), {"sleep", "1000"});
  peerd::kill_around({stay});
  CHECK(board.await_end(left.init) == core::ExitStatus{core::ExitStatus::Kind::signaled, 9});
  CHECK(is_alive(other.init));
  peerd::kill_around({board.new_stay(), stay + "/none"});
  CHECK(is_alive(other.init));
}
