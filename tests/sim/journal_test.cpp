// A journal that cannot be written for a while: nothing is told, started or thrown away that
// depends on what is not on disk, and all goes on as if it had been slow.
#include <string>

#include "tests/sim/cluster.h"

using namespace sim_test;

namespace {

struct Boards {
  explicit Boards(NodeIndex nodes) {
    core::Config config = config_of("none");
    for (NodeIndex i = 0; i < nodes; ++i)
      world.add({.config = config, .seeds = {0, 1}, .journal = true, .migrates = true});
    settle(world);
  }

  const sim::TaskHistory& history(core::TaskId task) const { return world.history().of(task); }
  core::TaskId running(NodeIndex node, core::Duration service) {
    const core::TaskId task = world.submit(node, {.service = service, .status = {{}, 7}});
    REQUIRE(world.reaches([&] { return history(task).running(); }, kSecond));
    return task;
  }
  bool runs_at(core::TaskId task, NodeIndex node) {
    return world.reaches(
        [&] { return history(task).running() && history(task).runs.back().node == node; },
        60 * kSecond);
  }
  bool has_ended(core::TaskId task) {
    return world.reaches([&] { return history(task).ends > 0; }, 120 * kSecond);
  }
  // When it is back there is room in its journal again.
  void lose_power(NodeIndex node) {
    world.crash(node);
    world.fill_journal(node, false);
    world.restart(node);
  }
  void replace_daemon(NodeIndex node) {
    world.kill_daemon(node);
    world.fill_journal(node, false);
    world.restart(node);
  }
  void check_ends_well(core::TaskId task) {
    CHECK(has_ended(task));
    CHECK(history(task).status == core::ExitStatus{{}, 7});
    check_nothing_left();
  }
  void check_nothing_left() {
    CHECK(world.reaches([&] { return leftovers(world).empty(); }, 60 * kSecond));
    CHECK(leftovers(world) == "");
    CHECK(world.history().violations() == std::vector<std::string>{});
  }
  core::PeerId id(NodeIndex node) const { return world.node(node).id; }

  World world;
};

}  // namespace

TEST_CASE("full journal: what is submitted is acknowledged when it is written, or never") {
  Boards boards(2);
  World& world = boards.world;
  world.fill_journal(0, true);
  const core::TaskId task = world.submit(0, {.service = kSecond, .status = {{}, 7}});
  world.run_for(5 * kSecond);
  CHECK_FALSE(boards.history(task).accepted);
  CHECK(boards.history(task).runs.empty());
  // Those after it are refused; even that waits its turn.
  const core::TaskId later = world.submit(0);
  CHECK(boards.history(later).refused == core::Veto::none);
  SECTION("there is room again") {
    world.fill_journal(0, false);
    CHECK(boards.has_ended(task));
    CHECK(boards.history(task).status == core::ExitStatus{{}, 7});
    CHECK(boards.history(later).refused == core::Veto::journal);
    CHECK(world.history().of(world.submit(0)).refused == core::Veto::none);
  }
  SECTION("the power goes") {
    boards.lose_power(0);
    world.run_for(10 * kSecond);
    CHECK_FALSE(boards.history(task).accepted);
    CHECK(boards.history(task).runs.empty());
  }
  world.run_for(10 * kSecond);
  boards.check_nothing_left();
}

TEST_CASE("full journal: its reserve is enough for what is there") {
  Boards boards(2);
  const core::TaskId task = boards.running(0, 3 * kSecond);
  boards.world.use_journal_reserve(0, true);
  CHECK(boards.history(boards.world.submit(0)).refused == core::Veto::journal);
  CHECK(boards.has_ended(task));
  boards.world.use_journal_reserve(0, false);
  CHECK(boards.has_ended(boards.world.submit(0)));
  boards.check_nothing_left();
}

TEST_CASE("full journal: a source that cannot write that it hands over has not handed over") {
  Boards boards(3);
  World& world = boards.world;
  const core::TaskId task = boards.running(2, 60 * kSecond);
  world.migrate(2, task, boards.id(0));
  REQUIRE(boards.runs_at(task, 0));
  world.migrate(0, task, boards.id(1));
  world.fill_journal(0, true);
  world.run_for(5 * kSecond);
  CHECK(world.node(1).journal.prepared.contains(task));
  CHECK(world.node(0).journal.decided.empty());
  CHECK_FALSE(boards.history(task).running());
  SECTION("there is room again") {
    world.fill_journal(0, false);
    CHECK(boards.runs_at(task, 1));
  }
  SECTION("its daemon is killed: the task stays") {
    boards.replace_daemon(0);
    CHECK(boards.runs_at(task, 0));
  }
  boards.check_ends_well(task);
}

TEST_CASE("full journal: a destination that cannot write that it has a task does not go on") {
  Boards boards(2);
  World& world = boards.world;
  const core::TaskId task = boards.running(0, 60 * kSecond);
  world.fill_journal(1, true);
  world.migrate(0, task, boards.id(1));
  world.run_for(5 * kSecond);
  CHECK(world.node(1).journal.prepared.empty());
  CHECK_FALSE(boards.history(task).running());
  SECTION("there is room again") {
    world.fill_journal(1, false);
    CHECK(boards.runs_at(task, 1));
  }
  SECTION("the power goes") {
    boards.lose_power(1);
    CHECK(boards.runs_at(task, 0));
  }
  boards.check_ends_well(task);
}

TEST_CASE("full journal: an end that could not be written is told by the next daemon") {
  Boards boards(2);
  World& world = boards.world;
  const core::TaskId task = boards.running(0, 2 * kSecond);
  world.fill_journal(0, true);
  world.run_for(5 * kSecond);
  CHECK(boards.history(task).runs.back().end == sim::Run::End::exited);
  CHECK(boards.history(task).ends == 0);
  boards.replace_daemon(0);
  boards.check_ends_well(task);
  CHECK(boards.history(task).runs.size() == 1);
}

TEST_CASE("full journal: nobody takes leave before all is written") {
  Boards boards(2);
  World& world = boards.world;
  const core::TaskId task = boards.running(0, 10 * kSecond);
  world.migrate(0, task, boards.id(1));
  REQUIRE(boards.runs_at(task, 1));
  world.run_for(kSecond);
  world.drain(0);
  world.fill_journal(0, true);
  world.run_for(20 * kSecond);
  CHECK(boards.history(task).runs.back().end == sim::Run::End::exited);
  CHECK_FALSE(world.node(0).drained);
  CHECK_FALSE(sees(world, 1, 0, core::MemberState::left));
  SECTION("there is room again") {
    world.fill_journal(0, false);
    CHECK(world.reaches([&] { return world.node(0).drained; }, 30 * kSecond));
  }
  SECTION("the power goes") {
    boards.lose_power(0);
  }
  boards.check_ends_well(task);
}
