#include "peerd/checkpoint/stray_children.h"

#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <cstdint>

#include "peerd/checkpoint/task_operation.h"
#include "peerd/process_tree.h"
#include "tests/catch.h"

TEST_CASE("an orphan that comes to a subreaper is reaped when it ends") {
  peerd::become_parent_of_tasks();
  uv_loop_t loop;
  REQUIRE(uv_loop_init(&loop) == 0);
  {
    const peerd::StrayChildren strays(&loop);
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t parent = ::fork();
    if (parent == 0) {
      char byte = 0;
      if (::fork() == 0) ::_exit(::read(ends[0], &byte, 1) == 1 ? 0 : 1);
      ::_exit(0);
    }
    REQUIRE(::waitpid(parent, nullptr, 0) == parent);
    REQUIRE(peerd::own_children().size() == 1);
    REQUIRE(::write(ends[1], "", 1) == 1);
    const std::uint64_t patience_ms = uv_now(&loop) + 60'000;
    uv_timer_t heartbeat;
    uv_timer_init(&loop, &heartbeat);
    uv_timer_start(
        &heartbeat, [](uv_timer_t*) {}, 5, 5);
    while (!peerd::own_children().empty() && uv_now(&loop) < patience_ms)
      uv_run(&loop, UV_RUN_ONCE);
    CHECK(peerd::own_children().empty());
    uv_close(reinterpret_cast<uv_handle_t*>(&heartbeat), nullptr);
    uv_run(&loop, UV_RUN_NOWAIT);
    ::close(ends[0]);
    ::close(ends[1]);
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&loop) == 0);
}
