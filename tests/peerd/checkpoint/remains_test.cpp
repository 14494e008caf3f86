#include "peerd/checkpoint/remains.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "tests/catch.h"
#include "tests/peerd/needs_root.h"
#include "tests/peerd/process_state.h"

namespace {

// It waits, with this argument, as this user.
pid_t start(const std::string& argument, uid_t user) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  if (::setuid(user) == 0) ::execl("/bin/sleep", argument.c_str(), "1000", nullptr);
  ::_exit(1);
}

void end(pid_t child) {
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

}  // namespace

TEST_CASE("the CRIU of an operation is told by its directory, and by being root's") {
  if (!is_root()) return;
  const std::string runtime = "/run/peerd-remains-test";
  const std::string images = runtime + "/images-77-abc";
  const pid_t decoy = start(images, 65534);
  const pid_t criu = start(images, 0);
  CHECK(eventually([&] { return peerd::criu_left_by(77, runtime) == criu; }));
  CHECK(peerd::criu_left_by(7, runtime) == -1);
  CHECK(peerd::criu_left_by(77, "/run/other") == -1);
  CHECK_FALSE(peerd::dump_is_over(77, runtime, ::getpid(), false));
  CHECK(is_alive(criu));
  SECTION("late") {
    CHECK_FALSE(peerd::dump_is_over(77, runtime, ::getpid(), true));
  }
  SECTION("of a task that dies") {
    const pid_t dead = ::fork();
    if (dead == 0) ::_exit(0);
    CHECK(eventually([&] { return !is_alive(dead); }));
    CHECK_FALSE(peerd::dump_is_over(77, runtime, dead, false));
    end(dead);
  }
  SECTION("of any, when the executor ends") {
    peerd::kill_own_crius(runtime);
  }
  CHECK(eventually([&] { return !is_alive(criu); }));
  CHECK(peerd::dump_is_over(77, runtime, ::getpid(), false));
  CHECK(is_alive(decoy));
  end(decoy);
  end(criu);
}
