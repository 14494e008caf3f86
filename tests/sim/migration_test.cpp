// Running tasks that move: frozen here, restored there, one running copy at any time.
#include <string>

#include "tests/sim/cluster.h"
#include "tests/sim/wire.h"

using namespace sim_test;
using core::TaskState;

namespace {

core::Config migrating(const std::string& preset, const std::string& migration) {
  core::Config config = config_of(preset);
  config.policy.migration = migration;
  return config;
}

struct Boards {
  explicit Boards(NodeIndex nodes, const core::Config& config = config_of("none")) : wire(world) {
    for (NodeIndex i = 0; i < nodes; ++i)
      world.add({.config = config, .seeds = {0, 1}, .journal = true, .migrates = true});
    settle(world);
  }

  const sim::TaskHistory& history(core::TaskId task) const { return world.history().of(task); }
  core::TaskId running(NodeIndex node, core::Duration service) {
    const core::TaskId task =
        world.submit(node, {.service = service, .status = {{}, 7}, .image_bytes = 64 << 20});
    REQUIRE(world.reaches([&] { return history(task).running(); }, kSecond));
    return task;
  }
  bool runs_at(core::TaskId task, NodeIndex node) {
    return world.reaches(
        [&] {
          const auto& runs = history(task).runs;
          return history(task).running() && runs.back().node == node && !runs.back().frozen;
        },
        60 * kSecond);
  }
  void check_end(core::TaskId task) {
    CHECK(world.reaches([&] { return history(task).ends > 0; }, 300 * kSecond));
    CHECK(history(task).status == core::ExitStatus{{}, 7});
    CHECK(world.reaches([&] { return leftovers(world).empty(); }, 60 * kSecond));
    CHECK(leftovers(world) == "");
    CHECK(world.history().violations() == std::vector<std::string>{});
  }
  core::PeerId id(NodeIndex node) const { return world.node(node).id; }

  World world;
  Wire wire;
};

}  // namespace

TEST_CASE(
    "migration: a running task goes on elsewhere where it was, and nothing of it is done twice") {
  Boards boards(2);
  const core::TaskId task = boards.running(0, 10 * kSecond);
  boards.world.run_for(4 * kSecond);
  boards.world.migrate(0, task, boards.id(1));
  REQUIRE(boards.runs_at(task, 1));
  CHECK(boards.world.core(0).record(task)->state == TaskState::running);
  CHECK(boards.world.core(0).record(task)->owner == boards.id(1));
  boards.check_end(task);
  const auto& runs = boards.history(task).runs;
  REQUIRE(runs.size() == 2);
  const core::Duration here = runs[0].ended - runs[0].started;
  const core::Duration there = runs[1].ended - runs[1].started;
  CHECK(there < 7 * kSecond);
  CHECK(here + there >= 10 * kSecond - 1);
}

TEST_CASE("migration: a hundred hops") {
  core::Config config = config_of("none");
  config.limits.moves_per_task = 1000;
  Boards boards(3, config);
  const core::TaskId task = boards.running(0, 200 * kSecond);
  for (int hop = 0; hop < 100; ++hop) {
    const NodeIndex from = boards.history(task).owner;
    const NodeIndex to = (from + 1) % 3;
    boards.world.migrate(from, task, boards.id(to));
    REQUIRE(boards.runs_at(task, to));
  }
  CHECK(boards.history(task).moves == 100);
  boards.check_end(task);
}

TEST_CASE("migration: an idle peer takes a running task where nothing waits") {
  const std::string preset = GENERATE("receiver", "symmetric", "adaptive", "sender");
  const std::string migration = GENERATE("longest_running", "worth_moving");
  core::Config config = migrating(preset, migration);
  config.load.slots = 4;  // on one processor: they share it
  config.limits.min_residence = kSecond;
  Boards boards(2, config);
  std::vector<core::TaskId> tasks;
  // All at node 0, until node 1 is told that it may take some.
  for (int i = 0; i < 4; ++i)
    tasks.push_back(boards.world.submit(
        0, {.service = 60 * kSecond, .status = {{}, 7}, .image_bytes = 1 << 20}));
  boards.world.run_for(20 * kSecond);
  std::uint32_t there = 0;
  for (const core::TaskId task : tasks)
    if (boards.history(task).owner == 1) ++there;
  // One or two: an idle peer has room for the first, whatever the thresholds say of the second.
  CHECK(there >= 1);
  CHECK(there <= 2);
  for (const core::TaskId task : tasks) boards.check_end(task);
}

TEST_CASE("migration: what is not worth its cost stays") {
  core::Config config = migrating("receiver", "worth_moving");
  config.load.slots = 4;
  Boards boards(2, config);
  // A gigabyte and more for each second that it will run.
  for (int i = 0; i < 4; ++i)
    boards.world.submit(
        0, {.service = 2 * kSecond, .status = {{}, 7}, .image_bytes = std::uint64_t{64} << 30});
  boards.world.run_for(kSecond);
  boards.world.run_for(30 * kSecond);
  for (const sim::TaskHistory& task : boards.world.history().tasks())
    CHECK((task.runs.size() == 1 && task.moves <= 1));
}

TEST_CASE("migration: a destination without a free slot, or without the means, refuses") {
  Boards boards(2);
  const core::TaskId task = boards.running(0, 5 * kSecond);
  SECTION("no slot") {
    Count refused(boards.world, core::What::offer_rejected);
    boards.running(1, 5 * kSecond);
    boards.world.migrate(0, task, boards.id(1));
    boards.world.run_for(kSecond);
    CHECK(refused() == 1);
  }
  SECTION("it cannot restore") {
    boards.world.set_criu(1, {.fails = true});
    boards.world.migrate(0, task, boards.id(1));
    boards.world.run_for(kSecond);
  }
  SECTION("the source cannot freeze") {
    boards.world.set_criu(0, {.fails = true});
    boards.world.migrate(0, task, boards.id(1));
    boards.world.run_for(kSecond);
  }
  CHECK(boards.history(task).owner == 0);
  CHECK(boards.history(task).running());
  boards.check_end(task);
}

TEST_CASE("migration: dumps and restores that take long are waited for") {
  const NodeIndex slow = GENERATE(0u, 1u);
  Boards boards(2);
  const core::TaskId task = boards.running(0, 60 * kSecond);
  boards.world.set_criu(slow, {.slow = 20 * kSecond});
  boards.world.migrate(0, task, boards.id(1));
  boards.world.run_for(19 * kSecond);
  CHECK_FALSE(boards.history(task).running());
  REQUIRE(boards.runs_at(task, 1));
  CHECK(boards.history(task).runs.back().started < 22 * kSecond);
  boards.check_end(task);
}

TEST_CASE("migration: of a CRIU that hangs nobody waits beyond the time limit of a transfer") {
  core::Config config = config_of("none");
  config.limits.transfer_timeout = 5 * kSecond;
  Boards boards(2, config);
  const core::TaskId task = boards.running(0, 60 * kSecond);
  Count called_off(boards.world, core::What::handoff_aborted);
  const core::Time since = boards.world.now();
  core::Duration frozen = 5 * kSecond;
  SECTION("the source's: its process goes on when it is stopped") {
    boards.world.set_criu(0, {.hangs = true});
    frozen = sim::kCriuLimit;
  }
  SECTION("the destination's") {
    boards.world.set_criu(1, {.hangs = true});
  }
  boards.world.migrate(0, task, boards.id(1));
  boards.world.run_for(5 * kSecond + 10 * kMillisecond);
  CHECK(called_off() == 1);
  CHECK(boards.world.core(0).handoffs().empty());
  CHECK(boards.world.core(1).handoffs().empty());
  CHECK(boards.world.core(0).tasks().find(task)->phase == core::Task::Phase::running);
  REQUIRE(boards.runs_at(task, 0));
  CHECK(boards.world.now() - since < frozen + 100 * kMillisecond);
  boards.world.set_criu(0, {});
  boards.world.set_criu(1, {});
  boards.world.migrate(0, task, boards.id(1));
  REQUIRE(boards.runs_at(task, 1));
  boards.check_end(task);
}

TEST_CASE("migration: a daemon that is killed while CRIU hangs finds its process again") {
  Boards boards(2);
  const core::TaskId task = boards.running(0, 60 * kSecond);
  boards.world.set_criu(0, {.hangs = true});
  boards.world.migrate(0, task, boards.id(1));
  boards.world.run_for(kSecond);
  boards.world.kill_daemon(0);
  boards.world.run_for(kSecond);
  boards.world.restart(0);
  REQUIRE(boards.runs_at(task, 0));
  CHECK(boards.world.now() < 2 * sim::kCriuLimit);
  CHECK(boards.history(task).runs.size() == 1);
  boards.check_end(task);
}

TEST_CASE("migration: one at a time, out of a board and into it") {
  core::Config config = config_of("none");
  config.load.slots = 3;
  config.limits.migrations_at_once = GENERATE(1u, 2u);
  Boards boards(3, config);
  const core::TaskId first = boards.running(0, 60 * kSecond);
  const core::TaskId second = boards.running(0, 60 * kSecond);
  const core::TaskId third = boards.running(1, 60 * kSecond);
  for (const NodeIndex node : {0u, 1u, 2u}) boards.world.set_criu(node, {.slow = kSecond});
  Count wishes_refused(boards.world, core::What::wish_refused);
  Count limits(boards.world, core::What::limit_migrations);
  boards.world.migrate(0, first, boards.id(2));
  boards.world.migrate(0, second, boards.id(2));
  boards.world.run_for(10 * kMillisecond);
  boards.world.migrate(1, third, boards.id(2));
  boards.world.run_for(10 * kMillisecond);
  // The second is refused at home, the third by node 2; or the third alone.
  const bool one = config.limits.migrations_at_once == 1;
  CHECK(wishes_refused() == (one ? 1 : 0));
  CHECK(limits() == 1);
  REQUIRE(boards.runs_at(first, 2));
  CHECK(boards.runs_at(second, one ? 0 : 2));
  CHECK(boards.history(third).owner == 1);
  for (const core::TaskId task : {first, second, third}) boards.check_end(task);
}

TEST_CASE("migration: the user's hold and the hop limit count") {
  core::Config config = config_of("none");
  config.limits.moves_per_task = 1;
  Boards boards(2, config);
  Count refused(boards.world, core::What::wish_refused);
  const core::TaskId task = boards.running(0, 20 * kSecond);
  boards.world.hold(0, task, true);
  boards.world.migrate(0, task, boards.id(1));
  boards.world.run_for(kSecond);
  CHECK(boards.history(task).owner == 0);
  CHECK(refused() == 1);
  boards.world.hold(0, task, false);
  boards.world.migrate(0, task);
  REQUIRE(boards.runs_at(task, 1));
  boards.world.migrate(1, task, boards.id(0));
  CHECK(refused() == 2);
  boards.check_end(task);
}

TEST_CASE("migration: one that ends or is cancelled on the way") {
  Boards boards(2);
  const core::TaskId task = boards.running(0, 5 * kSecond);
  boards.world.migrate(0, task, boards.id(1));
  boards.world.run_for(GENERATE(0, 1, 2, 5, 20, 60) * kMillisecond);
  boards.world.cancel(task);
  CHECK(boards.world.reaches([&] { return boards.history(task).ends > 0; }, 60 * kSecond));
  CHECK(boards.history(task).status.kind == core::ExitStatus::Kind::cancelled);
  CHECK(boards.world.reaches([&] { return leftovers(boards.world).empty(); }, 60 * kSecond));
  CHECK(boards.world.history().violations() == std::vector<std::string>{});
}

TEST_CASE("migration: a daemon that is killed at any moment, at either end, and started again") {
  const NodeIndex victim = GENERATE(0u, 1u);
  const core::Duration at = GENERATE(range(0, 40)) * 300;  // us after the wish
  Boards boards(2);
  const core::TaskId task = boards.running(0, 20 * kSecond);
  boards.world.migrate(0, task, boards.id(1));
  boards.world.run_for(at);
  boards.world.kill_daemon(victim);
  boards.world.run_for(kSecond);
  boards.world.restart(victim);
  boards.check_end(task);
  CHECK(boards.history(task).status == core::ExitStatus{{}, 7});
}

TEST_CASE("migration: a board that loses power at any moment, at either end") {
  const NodeIndex victim = GENERATE(0u, 1u);
  const core::Duration at = GENERATE(range(0, 40)) * 300;
  Boards boards(3);
  const core::TaskId task = boards.world.submit(2, {.service = 30 * kSecond, .status = {{}, 7}});
  REQUIRE(boards.world.reaches([&] { return boards.history(task).running(); }, kSecond));
  boards.world.migrate(2, task, boards.id(0));
  REQUIRE(boards.runs_at(task, 0));
  boards.world.migrate(0, task, boards.id(1));
  boards.world.run_for(at);
  boards.world.crash(victim);
  boards.world.run_for(kSecond);
  boards.world.restart(victim);
  INFO("node " << victim << " at " << at << " us");
  // It ends well if the other end had it, and as lost if the power took it along.
  const auto state = [&] { return boards.world.core(2).record(task)->state; };
  CHECK(boards.world.reaches(
      [&] { return state() == TaskState::finished || state() == TaskState::lost; }, 300 * kSecond));
  boards.world.run_for(60 * kSecond);  // and so it stays
  const core::ExitStatus status = boards.world.core(2).record(task)->status;
  CHECK((status == core::ExitStatus{{}, 7} || status.kind == core::ExitStatus::Kind::lost));
  CHECK(boards.world.reaches([&] { return leftovers(boards.world).empty(); }, 60 * kSecond));
  CHECK(boards.world.history().violations() == std::vector<std::string>{});
}

TEST_CASE(
    "migration: a destination that has lost the copy says so, and the source goes on with its "
    "own") {
  Boards boards(2);
  const core::TaskId task = boards.running(0, 20 * kSecond);
  boards.wire.lose_from<core::Prepared>(1);
  boards.world.migrate(0, task, boards.id(1));
  REQUIRE(boards.world.reaches([&] { return boards.world.node(1).journal.prepared.contains(task); },
                               10 * kSecond));
  boards.world.crash(1);
  // The news that it restarted, which would do as well, must not come first.
  boards.wire.lose([](const Wire::Sent& sent) {
    return sent.from == 1 && !std::holds_alternative<core::Prepared>(sent.message);
  });
  boards.world.restart(1);
  REQUIRE(boards.runs_at(task, 0));
  boards.wire.lose_nothing();
  boards.check_end(task);
  CHECK(boards.history(task).runs.size() == 1);
}

TEST_CASE(
    "migration: one that is handed over while its copy is lost ends as lost, and its user is "
    "told") {
  Boards boards(2);
  const core::TaskId task = boards.running(0, 20 * kSecond);
  boards.wire.lose_from<core::Commit>(0);
  boards.world.migrate(0, task, boards.id(1));
  REQUIRE(boards.world.reaches([&] { return boards.world.node(0).journal.decided.contains(task); },
                               10 * kSecond));
  boards.world.crash(1);
  boards.wire.lose_nothing();
  boards.world.restart(1);
  REQUIRE(boards.world.reaches([&] { return boards.history(task).ends > 0; }, 60 * kSecond));
  CHECK(boards.history(task).status.kind == core::ExitStatus::Kind::lost);
  CHECK(boards.world.reaches([&] { return leftovers(boards.world).empty(); }, 60 * kSecond));
}

TEST_CASE("migration: a process that ends while its daemon is down is told of at its return") {
  Boards boards(2);
  const core::TaskId task = boards.running(0, 2 * kSecond);
  boards.world.run_for(kSecond);
  boards.world.kill_daemon(0);
  boards.world.run_for(5 * kSecond);
  boards.world.restart(0);
  boards.check_end(task);
  CHECK(boards.history(task).runs.size() == 1);
}
