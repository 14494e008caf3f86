// Work away from the loop, and what becomes of it when whoever asked for it has gone.
#include "peerd/background.h"

#include <atomic>
#include <optional>
#include <utility>

#include "tests/catch.h"

using peerd::in_background;
using peerd::Lifetime;

namespace {

struct Loop {
  Loop() { REQUIRE(uv_loop_init(&loop) == 0); }
  ~Loop() { uv_loop_close(&loop); }
  void run() { uv_run(&loop, UV_RUN_DEFAULT); }  // until all is done
  uv_loop_t loop{};
};

}  // namespace

TEST_CASE("background: what is done is told, unless nobody is there") {
  Loop board;
  std::optional<Lifetime> lifetime(std::in_place);
  std::atomic<bool> worked = false;
  bool told = false;
  in_background(
      &board.loop, *lifetime, [&] { worked = true; }, [&] { told = true; });
  const bool stays = GENERATE(true, false);
  if (!stays) lifetime.reset();
  board.run();
  CHECK(worked);
  CHECK(told == stays);
}

TEST_CASE("background: what is done can be the end of whoever is told") {
  Loop board;
  std::optional<Lifetime> lifetime(std::in_place);
  int told = 0;
  for (int i = 0; i < 2; ++i)
    in_background(
        &board.loop, *lifetime, [] {},
        [&] {
          ++told;
          lifetime.reset();
        });
  board.run();
  CHECK(told == 1);
}

TEST_CASE("background: what nobody waits for is done, too") {
  Loop board;
  std::atomic<bool> worked = false;
  in_background(&board.loop, [&] { worked = true; });
  board.run();
  CHECK(worked);
}

TEST_CASE("lifetime: a call with arguments") {
  std::optional<Lifetime> lifetime(std::in_place);
  int sum = 0;
  const auto add = lifetime->guard([&](int one, int other) { sum += one + other; });
  add(1, 2);
  lifetime.reset();
  add(10, 20);
  CHECK(sum == 3);
}
