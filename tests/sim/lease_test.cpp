// Tasks that are begun anew when their owner is gone: core/lease.h, sentence by sentence.
#include <string>

#include "core/lease.h"
#include "tests/sim/cluster.h"
#include "tests/sim/wire.h"

using namespace sim_test;
using core::ExitStatus;
using core::TaskState;
using core::What;
using End = sim::Run::End;

namespace {

constexpr core::Duration kLease = 10 * kSecond;

core::Config leasing() {
  core::Config config = config_of("random");
  config.limits.lease = kLease;
  return config;
}

// Node 0 is home; its own slot is taken, so that its task runs elsewhere.
struct Boards {
  explicit Boards(NodeIndex nodes, const core::Config& config = leasing())
      : renewed(world, What::lease_renewed),
        frozen(world, What::task_frozen),
        thawed(world, What::task_thawed),
        refused(world, What::lease_refused),
        restarted(world, What::task_restarted),
        wire(world) {
    for (NodeIndex i = 0; i < nodes; ++i)
      world.add({.config = config, .seeds = {0, 1}, .journal = true, .migrates = true});
    settle(world);
  }

  const sim::TaskHistory& history(core::TaskId task) const { return world.history().of(task); }
  const core::HomeRecord& record(core::TaskId task) const { return *world.core(0).record(task); }
  core::TaskId guest(core::Duration service, bool restarts = true) {
    world.submit(0, {.service = 300 * kSecond, .pinned = true});
    const core::TaskId task = world.submit(
        0, {.service = service, .restarts = restarts, .status = {{}, 7}, .image_bytes = 1 << 20});
    REQUIRE(world.reaches([&] { return history(task).running(); }, 10 * kSecond));
    REQUIRE(history(task).owner != 0);
    world.run_for(kSecond);
    return task;
  }
  // Nobody hears that node, and it hears nobody.
  void cut_off(NodeIndex node) {
    for (NodeIndex i = 0; i < world.size(); ++i) world.network().place(i, i == node ? 1 : 0);
    world.network().block(0, 1);
    world.network().block(1, 0);
  }
  bool freezes(core::TaskId task, core::Duration within) {
    return world.reaches([&] { return !history(task).running(); }, within, kMillisecond);
  }
  void check_end(core::TaskId task) {
    CHECK(world.reaches([&] { return history(task).ends > 0; }, 300 * kSecond));
    CHECK(history(task).status == ExitStatus{{}, 7});
    CHECK(history(task).ends == 1);
    CHECK(world.history().violations() == std::vector<std::string>{});
  }
  void check_clean(core::TaskId task) {
    check_end(task);
    CHECK(world.reaches([&] { return all_ended(world); }, 400 * kSecond));
    CHECK(world.reaches([&] { return leftovers(world).empty(); }, 60 * kSecond));
    CHECK(leftovers(world) == "");
  }

  World world;
  Count renewed, frozen, thawed, refused, restarted;
  Wire wire;
};

}  // namespace

TEST_CASE("lease: one that is not to be begun anew needs none, and asks for none") {
  Boards boards(2);
  std::uint64_t asked = 0;
  boards.world.watch([&](const sim::StepTaken& step) {
    for (const core::Action& action : step.actions) {
      const auto* send = std::get_if<core::Send>(&action);
      if (send != nullptr && std::holds_alternative<core::LeaseAsk>(send->message)) ++asked;
    }
  });
  const core::TaskId task = boards.guest(20 * kSecond, false);
  boards.check_end(task);
  CHECK(asked == 0);
}

TEST_CASE("lease: an owner that renews it runs its task to the end") {
  Boards boards(2);
  const core::TaskId task = boards.guest(35 * kSecond);
  boards.check_clean(task);
  CHECK(boards.renewed() >= 8);
  CHECK(boards.renewed() <= 13);
  CHECK(boards.frozen() == 0);
  CHECK(boards.restarted() == 0);
}

TEST_CASE("lease: a task whose owner is gone runs again, from its beginning") {
  Boards boards(3);
  const core::TaskId task = boards.guest(5 * kSecond);
  boards.world.crash(boards.history(task).owner);
  boards.check_end(task);
  const auto& runs = boards.history(task).runs;
  REQUIRE(runs.size() == 2);
  CHECK(runs[1].ended - runs[1].started == 5 * kSecond);
  CHECK(core::restarts_of(runs[1].epoch) == 1);
  CHECK(boards.restarted() == 1);
  // The lease was granted before the board lost power.
  CHECK(runs[1].started - runs[0].ended >= kLease - kLease / 3 - kSecond);
  CHECK(boards.record(task).moves >= 1);
}

TEST_CASE("lease: an owner that is cut off has frozen its copy before another one starts") {
  Boards boards(3);
  const core::TaskId task = boards.guest(40 * kSecond);
  const NodeIndex owner = boards.history(task).owner;
  boards.cut_off(owner);
  const core::Time cut = boards.world.now();
  REQUIRE(boards.freezes(task, kLease));
  CHECK(boards.world.now() - cut <= core::usable_lease(kLease));
  CHECK(boards.frozen() == 1);
  CHECK(boards.restarted() == 0);
  REQUIRE(
      boards.world.reaches([&] { return boards.history(task).runs.size() == 2; }, 60 * kSecond));
  SECTION("and ends it when it comes back") {
    boards.world.network().heal();
    boards.check_clean(task);
    CHECK(boards.refused() == 1);
    CHECK(boards.history(task).runs[0].end == End::moved);
  }
  SECTION("even if it never comes back") {
    boards.check_end(task);
    CHECK(boards.history(task).runs[0].frozen);
  }
}

TEST_CASE("lease: an owner that comes back before anybody took over goes on") {
  Boards boards(2);
  // The home node is away, and counts no lease meanwhile.
  const core::TaskId task = boards.guest(20 * kSecond);
  boards.world.pause(0);
  REQUIRE(boards.freezes(task, kLease));
  boards.world.run_for(20 * kSecond);
  boards.world.resume(0);
  boards.check_clean(task);
  CHECK(boards.frozen() == 1);
  CHECK(boards.thawed() == 1);
  CHECK(boards.restarted() == 0);
  CHECK(boards.history(task).runs.size() == 1);
}

TEST_CASE("lease: whoever holds the process freezes it, though the daemon hangs or is gone") {
  Boards boards(3);
  const core::TaskId task = boards.guest(40 * kSecond);
  const NodeIndex owner = boards.history(task).owner;
  SECTION("it hangs") {
    boards.world.pause(owner);
    REQUIRE(boards.freezes(task, kLease));
    REQUIRE(
        boards.world.reaches([&] { return boards.history(task).runs.size() == 2; }, 60 * kSecond));
    boards.world.resume(owner);
  }
  SECTION("it is gone") {
    boards.world.kill_daemon(owner);
    REQUIRE(boards.freezes(task, kLease));
    REQUIRE(
        boards.world.reaches([&] { return boards.history(task).runs.size() == 2; }, 60 * kSecond));
    boards.world.restart(owner);
  }
  boards.check_clean(task);
  CHECK(boards.history(task).runs.size() == 2);
}

TEST_CASE("lease: a daemon that is restarted within it disturbs nothing") {
  Boards boards(2);
  const core::TaskId task = boards.guest(30 * kSecond);
  boards.world.kill_daemon(boards.history(task).owner);
  boards.world.run_for(kSecond);
  boards.world.restart(boards.history(task).owner);
  boards.check_clean(task);
  CHECK(boards.history(task).runs.size() == 1);
  CHECK(boards.frozen() == 0);
}

TEST_CASE("lease: a home node that restarts waits for a whole one") {
  Boards boards(3);
  const core::TaskId task = boards.guest(40 * kSecond);
  boards.world.crash(boards.history(task).owner);
  boards.world.run_for(kLease / 2);
  REQUIRE(boards.restarted() == 0);
  boards.world.kill_daemon(0);
  boards.world.restart(0);
  const core::Time back = boards.world.now();
  REQUIRE(boards.world.reaches([&] { return boards.restarted() == 1; }, 120 * kSecond));
  CHECK(boards.world.now() - back >= kLease);
  boards.check_end(task);
}

TEST_CASE("lease: a process that its owner has lost runs again at once") {
  Boards boards(2);
  SECTION("elsewhere: its home node is told") {
    const core::TaskId task = boards.guest(20 * kSecond);
    const NodeIndex owner = boards.history(task).owner;
    boards.world.crash(owner);
    boards.world.restart(owner);
    boards.check_clean(task);
    CHECK(boards.restarted() == 1);
  }
  SECTION("at home") {
    const core::TaskId task = boards.world.submit(
        0, {.service = 5 * kSecond, .pinned = true, .restarts = true, .status = {{}, 7}});
    boards.world.run_for(kSecond);
    boards.world.crash(0);
    boards.world.restart(0);
    boards.check_clean(task);
    CHECK(boards.history(task).runs.size() == 2);
  }
}

TEST_CASE("lease: what owners hand on behind a partition does not run there") {
  Boards boards(4);
  const core::TaskId task = boards.guest(60 * kSecond);
  const NodeIndex owner = boards.history(task).owner;
  const NodeIndex other = owner == 3 ? 2 : 3;
  for (NodeIndex i = 0; i < 4; ++i)
    boards.world.network().place(i, i == owner || i == other ? 1 : 0);
  boards.world.network().block(0, 1);
  boards.world.network().block(1, 0);
  boards.world.migrate(owner, task, boards.world.node(other).id);
  REQUIRE(boards.world.reaches([&] { return boards.history(task).owner == other; }, 5 * kSecond));
  CHECK_FALSE(boards.history(task).running());
  REQUIRE(boards.world.reaches([&] { return boards.restarted() == 1; }, 120 * kSecond));
  boards.world.run_for(kSecond);
  boards.world.network().heal();
  boards.check_clean(task);
  CHECK(boards.refused() == 1);
}

TEST_CASE("lease: a cancelled task whose owner is gone ends as cancelled") {
  Boards boards(3);
  const core::TaskId task = boards.guest(60 * kSecond);
  boards.world.crash(boards.history(task).owner);
  boards.world.cancel(task);
  CHECK(boards.world.reaches([&] { return boards.history(task).ends > 0; }, 120 * kSecond));
  CHECK(boards.history(task).status.kind == ExitStatus::Kind::cancelled);
}

TEST_CASE("restart: a task that its user holds stays held") {
  Boards boards(2);
  const core::TaskId task = boards.world.submit(0, {.service = 60 * kSecond});
  boards.world.run_for(kSecond);
  boards.world.hold(0, task, true);
  boards.world.kill_daemon(0);
  boards.world.restart(0);
  CHECK(boards.world.core(0).tasks().find(task)->held);
  boards.world.hold(0, task, false);
  boards.world.kill_daemon(0);
  boards.world.restart(0);
  CHECK_FALSE(boards.world.core(0).tasks().find(task)->held);
}

TEST_CASE("restart: how long a task has run elsewhere is remembered") {
  Boards boards(2);
  const core::TaskId task =
      boards.world.submit(0, {.service = 60 * kSecond, .image_bytes = 1 << 20});
  boards.world.run_for(5 * kSecond);
  boards.world.migrate(0, task, boards.world.node(1).id);
  REQUIRE(boards.world.reaches(
      [&] { return boards.history(task).owner == 1 && boards.history(task).running(); },
      10 * kSecond));
  const core::Duration before = boards.world.core(1).tasks().find(task)->ran_before;
  CHECK(before >= 4 * kSecond);
  boards.world.kill_daemon(1);
  boards.world.restart(1);
  CHECK(boards.world.core(1).tasks().find(task)->ran_before == before);
}
