// How an executor's tasks are stopped, frozen and killed, and all that they have started with them.
#include <signal.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/peerd/executor_board.h"
#include "tests/peerd/process_state.h"

using namespace peerd;
using Kind = core::ExitStatus::Kind;

TEST_CASE("stop ends a process and its children by SIGTERM") {
  ExecutorBoard board(core::kSecond * 1000);
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

// init may have said already how the command ended, and nobody have read it.
TEST_CASE("a namespace whose init was stopped or killed is not the next task's") {
  if (!contained()) return;
  ExecutorBoard board;
  const Executor::Users nobody{find_user("nobody").value(), {}};
  ProcessSpec spec = board.shell("exit 6");
  spec.own = board.scratch.path();
  board.start(task(1), spec, nobody);
  const std::vector<pid_t> children = own_children();
  REQUIRE(children.size() == 1);
  REQUIRE(eventually([&] { return processes_of(children[0]).size() == 1; }));  // init alone
  SECTION("frozen") {
    board.executor->freeze(task(1));
  }
  SECTION("killed") {
    board.executor->kill(task(1));
  }
  CHECK(board.wait(task(1)).status == core::ExitStatus{Kind::exited, 6});
  board.start(task(2), spec, nobody);
  CHECK(board.wait(task(2)).status == core::ExitStatus{Kind::exited, 6});
}

TEST_CASE("stop tells the other process groups of the session, too") {
  ExecutorBoard board(core::kSecond * 1000);
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
  ExecutorBoard board(core::kSecond * 1000);
  board.start(task(1),
              board.shell("trap 'exit 3' TERM; echo 1 >ready; while :; do sleep 0.01; done"));
  board.pid_in("ready");
  board.executor->stop(task(1));
  board.executor->stop(task(1));
  CHECK(board.wait(task(1)).status == core::ExitStatus{Kind::exited, 3});
}

TEST_CASE("a process that ignores SIGTERM is killed after the grace") {
  ExecutorBoard board;
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
  ExecutorBoard board(core::kSecond * 1000);
  board.start(task(1), board.shell("echo $$ >ready; kill -STOP $$; exit 1"));
  board.pid_in("ready");
  board.executor->stop(task(1));
  CHECK(board.wait(task(1)).status == core::ExitStatus{Kind::signaled, SIGTERM});
}

TEST_CASE("kill is at once") {
  ExecutorBoard board(core::kSecond * 1000);
  board.start(task(1), board.shell("trap '' TERM; echo $$ >ready; while :; do sleep 0.01; done"));
  board.pid_in("ready");
  board.executor->kill(task(1));
  CHECK(board.wait(task(1)).status == core::ExitStatus{Kind::signaled, SIGKILL});
}

TEST_CASE("unknown tasks are neither stopped nor killed") {
  ExecutorBoard board;
  board.executor->stop(task(1));
  board.executor->kill(task(1));
  board.run(board.shell("exit 5"));
  board.executor->stop(task(1));
  board.executor->kill(task(1));
  CHECK(board.reports == 1);
}

TEST_CASE("a frozen task's processes stand still, all of them, until it is thawed") {
  ExecutorBoard board;
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
  ExecutorBoard board;
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

TEST_CASE("what a process leaves behind is killed when it ends") {
  ExecutorBoard board;
  SECTION("in its process group") {
    board.run(board.shell("sleep 1000 & echo $! >left"));
  }
  SECTION("in another process group of its session") {
    board.run(board.job_control_shell("sleep 1000 & echo $! >left"));
  }
  const pid_t left = board.pid_in("left");
  CHECK(board.until([&] { return !is_alive(left); }));
}

TEST_CASE("an executor that goes away leaves nothing running and reports nothing") {
  ExecutorBoard board;
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
