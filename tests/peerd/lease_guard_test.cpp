#include "peerd/lease_guard.h"

#include <optional>
#include <utility>
#include <vector>

#include "peerd/clock.h"
#include "peerd/timer.h"
#include "tests/catch.h"

namespace {

using peerd::LeaseGuard;

constexpr LeaseGuard::Key kStay{{core::PeerId{1}, 7}, 2};
constexpr LeaseGuard::Key kOther{{core::PeerId{1}, 8}, 2};
constexpr core::Duration kPatience = 60 * core::kSecond;

struct Loop {
  Loop() { REQUIRE(uv_loop_init(&loop) == 0); }
  ~Loop() {
    uv_run(&loop, UV_RUN_DEFAULT);  // handles close
    uv_loop_close(&loop);
  }
  uv_loop_t loop{};
};

struct Watched : Loop {
  // Runs until there have been so many changes.
  void wait_for(std::size_t count) {
    bool late = false;
    {
      peerd::Timer limit(&loop, [&] { late = true; });
      limit.start(kPatience);
      while (changes.size() < count && !late) uv_run(&loop, UV_RUN_ONCE);
    }
    REQUIRE_FALSE(late);
  }

  std::vector<std::pair<LeaseGuard::Key, bool>> changes;
  std::optional<LeaseGuard> guard{
      std::in_place, &loop,
      [this](const LeaseGuard::Key& stay, bool may_run) { changes.emplace_back(stay, may_run); }};
};

}  // namespace

TEST_CASE("lease guard: what has no lease may run") {
  Watched watched;
  CHECK(watched.guard->may_run(kStay));
  CHECK(watched.guard->until(kStay) == core::kNever);
}

TEST_CASE("lease guard: a lease that runs out is told, each in its turn and once") {
  Watched watched;
  const core::Time now = peerd::monotonic_now();
  watched.guard->set(kStay, now + 60 * core::kMillisecond);
  watched.guard->set(kOther, now + 20 * core::kMillisecond);
  watched.wait_for(2);
  CHECK(peerd::monotonic_now() >= now + 60 * core::kMillisecond);
  CHECK(watched.changes == decltype(watched.changes){{kOther, false}, {kStay, false}});
  CHECK_FALSE(watched.guard->may_run(kStay));
}

TEST_CASE("lease guard: a longer one, or none, lets it go on") {
  Watched watched;
  watched.guard->set(kStay, 0);
  CHECK(watched.changes == decltype(watched.changes){{kStay, false}});
  watched.guard->set(kStay, 0);
  CHECK(watched.changes.size() == 1);
  core::Time until = core::kNever;
  SECTION("none") {}
  SECTION("a longer one") {
    until = peerd::monotonic_now() + kPatience;
  }
  CAPTURE(until, peerd::monotonic_now());
  watched.guard->set(kStay, until);
  CHECK(watched.changes.size() == 2);
  CHECK(watched.changes.back().second);
  CHECK(watched.guard->until(kStay) == until);
  CHECK(watched.guard->may_run(kStay));
}

TEST_CASE("lease guard: of what is forgotten nothing is told") {
  Watched watched;
  const core::Time now = peerd::monotonic_now();
  watched.guard->set(kStay, now + 10 * core::kMillisecond);
  watched.guard->set(kOther, now + 30 * core::kMillisecond);
  watched.guard->forget(kStay);
  watched.wait_for(1);
  CHECK(watched.changes == decltype(watched.changes){{kOther, false}});
}
