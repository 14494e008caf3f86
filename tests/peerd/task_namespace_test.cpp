#include "peerd/task_namespace.h"

#include <signal.h>
#include <sys/wait.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "tests/catch.h"
#include "tests/peerd/needs_root.h"
#include "tests/peerd/process_state.h"

using namespace peerd;

namespace {

std::unique_ptr<TaskNamespaces> open_namespaces() {
  std::string reason;
  auto spaces = TaskNamespaces::open(nullptr, reason);
  INFO(reason);
  REQUIRE(spaces != nullptr);
  return spaces;
}

std::unique_ptr<TaskNamespace> acquire(TaskNamespaces& spaces, std::uint64_t now_ms) {
  std::string error;
  auto space = spaces.acquire(now_ms, error);
  INFO(error);
  REQUIRE(space != nullptr);
  return space;
}

}  // namespace

TEST_CASE("a namespace is used again for a second") {
  if (!is_root()) return;
  const auto spaces = open_namespaces();
  auto space = acquire(*spaces, 5000);
  const pid_t init = space->init();
  CHECK(acquire(*spaces, 5000)->init() != init);  // it is not free
  spaces->release(std::move(space));
  space = acquire(*spaces, 5999);
  CHECK(space->init() == init);
  spaces->release(std::move(space));
  SECTION("then, when it is looked for") {
    CHECK(acquire(*spaces, 6000)->init() != init);
  }
  SECTION("and the timer knows when that is over") {
    CHECK(spaces->discard_old(5999) == 6000);
    CHECK(is_alive(init));
    CHECK_FALSE(spaces->discard_old(6000));
  }
  CHECK_FALSE(is_alive(init));
}

TEST_CASE("a free namespace whose init was killed is not used again") {
  if (!is_root()) return;
  const auto spaces = open_namespaces();
  auto space = acquire(*spaces, 0);
  const pid_t init = space->init();
  spaces->release(std::move(space));
  ::kill(init, SIGKILL);
  CHECK(eventually([&] { return !is_alive(init); }));
  space = acquire(*spaces, 0);
  CHECK(is_alive(space->init()));
}

TEST_CASE("a namespace that goes away leaves nothing") {
  if (!is_root()) return;
  auto spaces = open_namespaces();
  auto space = acquire(*spaces, 0);
  const pid_t init = space->init();
  CHECK_FALSE(space->report());
  SECTION("by itself") {
    space.reset();
  }
  SECTION("ended, as init says") {
    const CommandEnd end = space->end();
    CHECK(WIFSIGNALED(end.wait_status));
    CHECK(WTERMSIG(end.wait_status) == SIGKILL);
    CHECK(space->init() == -1);
  }
  SECTION("with those that are free") {
    spaces->release(std::move(space));
    spaces.reset();
  }
  CHECK_FALSE(is_alive(init));
}
