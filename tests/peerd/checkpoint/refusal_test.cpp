// What cannot move, and moves that fail: the task goes on, the reason is told, nothing is left.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "peerd/checkpoint/inspection.h"
#include "tests/peerd/checkpoint/board_under_test.h"

using peerd::Outcome;

namespace {

// Counts on standard output for ever, after `before`.
std::vector<std::string> counting(const std::string& before) {
  return {"python3", "-c",
          "import itertools, os, socket, sys, time\n" + before +
              "\nfor i in itertools.count():\n  print(i, flush=True)\n  time.sleep(0.001)\n"};
}

int to_nowhere() {
  return ::open("/dev/null", O_WRONLY | O_CLOEXEC);
}

}  // namespace

TEST_CASE("obstacles are found without a freeze, and a dump refuses them") {
  BoardUnderTest board;
  REQUIRE_USABLE(board);
  const std::string outside = board.scratch().write("outside", "x");
  REQUIRE(::chmod(outside.c_str(), 0666) == 0);
  REQUIRE(::chmod(board.scratch().path().c_str(), 0755) == 0);
  struct Case {
    std::string before;
    std::string obstacle;
  };
  const Case cases[] = {
      {"s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()",
       "a network socket is open (python3)"},
      {"s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0))",
       "a network socket is open (python3)"},
      {"p = os.openpty()", "a terminal is open"},
      {"f = open('" + outside + "', 'a')", "it writes to a file outside its directory: " + outside},
      {"f = open('/proc/stat')", "/proc/stat is open"},
      {"import mmap; f = open('" + outside + "', 'r+'); m = mmap.mmap(f.fileno(), 0); f.close()",
       "outside its directory: " + outside},
  };
  for (const Case& each : cases) {
    const std::string stay = board.new_stay();
    const Outcome task = board.start(stay, counting(each.before));
    REQUIRE(grows(stay + "/stdout"));
    CHECK(peerd::inspect_task(task.init).obstacle.find(each.obstacle) != std::string::npos);
    const Outcome dumped = board.dump(task.init, stay, to_nowhere());
    CHECK(dumped.kind == Outcome::Kind::not_movable);
    CHECK(dumped.message.find(each.obstacle) != std::string::npos);
    CHECK(grows(stay + "/stdout"));
    board.kill(task.init);
  }
}

TEST_CASE("what is in nobody's way: no obstacle, and what it needs") {
  BoardUnderTest board;
  REQUIRE_USABLE(board);
  const std::string stay = board.new_stay();
  const Outcome task = board.start(
      stay, counting("f = open('/dev/null', 'w'); g = open('/etc/passwd'); h = open('own', 'w')\n"
                     "block = bytearray(20_000_000)\n"
                     "a, b = socket.socketpair()"));
  REQUIRE(grows(stay + "/stdout"));
  const peerd::Inspection inspection = peerd::inspect_task(task.init);
  CHECK(inspection.obstacle == "");
  CHECK(inspection.processes == 2);
  CHECK(inspection.resident_bytes > 20'000'000);
  CHECK(inspection.resident_bytes < 100'000'000);
  const auto needs = [&](const std::string& part) {
    for (const peerd::NeededFile& file : inspection.files) {
      if (file.path.find(part) != std::string::npos) return file;
    }
    return peerd::NeededFile{};
  };
  CHECK(needs("/python3").build_id.size() >= 16);
  CHECK(needs("/libc.so").build_id.size() >= 16);
  CHECK(needs("/etc/passwd").bytes > 0);
  CHECK(needs("own").path == "");
  CHECK(peerd::missing_here(inspection.files) == "");
  const auto again = peerd::needed_files_from(peerd::to_text(inspection.files));
  REQUIRE(again);
  CHECK(*again == inspection.files);
}

TEST_CASE("a Unix socket to the outside is found by CRIU, and the task goes on") {
  BoardUnderTest board;
  REQUIRE_USABLE(board);
  const std::string stay = board.new_stay();
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (stay + "/files/socket").c_str(), sizeof address.sun_path - 1);
  REQUIRE(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listener, 1) == 0);
  REQUIRE(::chmod(address.sun_path, 0777) == 0);
  const Outcome task =
      board.start(stay, counting("s = socket.socket(socket.AF_UNIX); s.connect('socket')"));
  const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  REQUIRE(grows(stay + "/stdout"));
  const Outcome dumped = board.dump(task.init, stay, to_nowhere());
  CHECK(dumped.kind == Outcome::Kind::not_movable);
  CHECK(dumped.message.find("a socket to a process outside is open") != std::string::npos);
  CHECK(grows(stay + "/stdout"));
  ::close(accepted);
  ::close(listener);
}

// CRIU makes a task execute code of its own: killed at the wrong moment it takes the task along. If
// it was init that executed it, nobody is left to write down how the main process ended.
TEST_CASE("a killed criu leaves the task running, or ended, but never stopped") {
  BoardUnderTest board;
  REQUIRE_USABLE(board);
  const std::string stay = board.new_stay();
  const Outcome task = board.start(stay, counting("block = os.urandom(100_000_000)"));
  REQUIRE(grows(stay + "/stdout"));
  const std::string criu = std::exchange(
      board.tools().criu,
      board.scratch().write("criu",
                            "#!/bin/sh -p\n"
                            "directory=$5\n" +
                                board.tools().criu +
                                " \"$@\" &\n"
                                "until ls \"$directory\" | grep -q pages; do :; done\n"
                                "kill -9 $!\nwait $!\n"));
  ::chmod(board.tools().criu.c_str(), 0755);
  const Outcome dumped = board.dump(task.init, stay, to_nowhere());
  CHECK(dumped.kind != Outcome::Kind::done);
  const bool goes_on = eventually([&, size = text_of(stay + "/stdout").size()] {
    return !is_alive(task.init) || text_of(stay + "/stdout").size() > size;
  });
  REQUIRE(goes_on);
  const core::ExitStatus trapped = {core::ExitStatus::Kind::signaled, SIGTRAP};
  if (!is_alive(task.init)) {
    CHECK(board.await_end(task.init) == trapped);
    return;
  }
  board.tools().criu = criu;
  const std::string next = board.new_stay(false);
  CHECK(board.move(task.init, stay, next).restored.kind == Outcome::Kind::done);
}

TEST_CASE("a dump that is given up leaves the task running") {
  BoardUnderTest board;
  REQUIRE_USABLE(board);
  const std::string stay = board.new_stay();
  const Outcome task = board.start(stay, counting("block = os.urandom(50_000_000)"));
  REQUIRE(grows(stay + "/stdout"));
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  {
    // Nobody reads, so it cannot end; the task is frozen some time after the first byte.
    const auto operation =
        board.begin_dump(task.init, stay, ends[1], [](const Outcome&) { FAIL("has ended"); });
    char byte = 0;
    REQUIRE(::read(ends[0], &byte, 1) == 1);
  }
  CHECK(grows(stay + "/stdout"));
  ::close(ends[0]);
  CHECK(eventually([&] {
    return std::filesystem::directory_iterator(board.tools().runtime) ==
               std::filesystem::directory_iterator() ||
           text_of(stay + "/stdout").size() > 0;
  }));
}

// It dies when the processes are all there, and waits with saying so: whatever runs has time to.
TEST_CASE("of a restore whose criu is killed nothing has run") {
  BoardUnderTest board;
  REQUIRE_USABLE(board);
  const std::string stay = board.new_stay();
  const Outcome task = board.start(stay, {"sh", "-c", "while :; do echo x; done"});
  REQUIRE(grows(stay + "/stdout"));
  const std::string next = board.new_stay(false);
  const std::string ended = board.scratch() / "ended";
  board.tools().criu = board.scratch().write("criu",
                                             "#!/bin/sh -p\n"
                                             "[ $1 = restore ] || exec " +
                                                 board.tools().criu +
                                                 " \"$@\"\n"
                                                 "LD_PRELOAD=\"$LD_PRELOAD " DIES_AT_STOP "\" " +
                                                 board.tools().criu +
                                                 " \"$@\"\n"
                                                 "echo $? >" +
                                                 ended +
                                                 "\n"
                                                 "sleep 0.2\n"
                                                 "exit 1\n");
  ::chmod(board.tools().criu.c_str(), 0755);
  const auto moved = board.move(task.init, stay, next);
  REQUIRE(moved.dumped.kind == Outcome::Kind::done);
  CHECK(moved.restored.kind != Outcome::Kind::done);
  CHECK(text_of(ended) == "137\n");  // by SIGKILL
  CHECK(text_of(next + "/stdout").size() == text_of(stay + "/stdout").size());
  peerd::resume_task(task.init);
  CHECK(grows(stay + "/stdout"));
}

TEST_CASE("a restore that fails leaves nothing") {
  BoardUnderTest board;
  REQUIRE_USABLE(board);
  const std::string stay = board.new_stay();
  const Outcome task = board.start(stay, counting(""));
  REQUIRE(grows(stay + "/stdout"));
  const std::string next = board.new_stay(false);
  SECTION("it is another user's than it should be") {
    const auto moved = board.move(task.init, stay, next, {1, 1, {}});
    CHECK(moved.restored.kind != Outcome::Kind::done);
    CHECK(moved.restored.message.find("whom the task belongs to here") != std::string::npos);
  }
  SECTION("a file that it has open is gone") {
    const std::string criu = std::exchange(
        board.tools().criu, board.scratch().write("criu",
                                                  "#!/bin/sh -p\n"
                                                  "[ $1 = dump ] || mv " +
                                                      next + "/stdout " + next +
                                                      "/gone\n"
                                                      "exec " +
                                                      board.tools().criu + " \"$@\"\n"));
    ::chmod(board.tools().criu.c_str(), 0755);
    const auto moved = board.move(task.init, stay, next);
    CHECK(moved.dumped.kind == Outcome::Kind::done);
    CHECK(moved.restored.kind != Outcome::Kind::done);
    CHECK(moved.restored.message.find("stdout") != std::string::npos);
  }
  // Of all processes only the first copy's are there. (An earlier test's may wait to be reaped: one
  // that was killed while a CRIU traced it is reported to that first.)
  std::vector<pid_t> children = peerd::own_children();
  std::erase_if(children, [](pid_t child) { return !is_alive(child); });
  CHECK(children == std::vector<pid_t>{task.init});
  peerd::resume_task(task.init);
  CHECK(grows(stay + "/stdout"));
}
