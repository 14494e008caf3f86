// What a board that lost power goes on with: core/journal.h, sentence by sentence.
#include <string>

#include "tests/sim/cluster.h"
#include "tests/sim/wire.h"

using namespace sim_test;
using core::ExitStatus;
using core::TaskState;

namespace {

// Nodes that keep a journal, and find each other again however they restart.
struct Boards {
  explicit Boards(NodeIndex nodes, const core::Config& config = config_of("random")) : wire(world) {
    for (NodeIndex i = 0; i < nodes; ++i)
      world.add({.config = config, .seeds = {0, 1}, .journal = true});
    settle(world);
  }

  void power_cycle(NodeIndex node) {
    world.crash(node);
    world.run_for(kSecond);
    world.restart(node);
  }
  const sim::TaskHistory& history(core::TaskId task) const { return world.history().of(task); }
  const core::HomeRecord& record(core::TaskId task) const {
    return *world.core(history(task).home).record(task);
  }
  core::TaskId occupy(NodeIndex node, core::Duration service = 20 * kSecond) {
    return world.submit(node, {.service = service, .pinned = true});
  }
  // Somebody other than node 0 runs a task of its.
  core::TaskId guest(core::Duration service) {
    occupy(0);
    const core::TaskId task = world.submit(0, {.service = service});
    REQUIRE(world.reaches([&] { return history(task).running(); }, 10 * kSecond));
    REQUIRE(history(task).owner != 0);
    return task;
  }
  bool ends(core::TaskId task) {
    return world.reaches([&] { return history(task).ends > 0; }, 120 * kSecond);
  }
  void check_clean() {
    CHECK(world.reaches([&] { return all_ended(world); }, 120 * kSecond));
    CHECK(world.reaches([&] { return leftovers(world).empty(); }, 60 * kSecond));
    CHECK(leftovers(world) == "");
    CHECK(world.history().violations() == std::vector<std::string>{});
  }

  World world;
  Wire wire;
};

}  // namespace

TEST_CASE("restart: what waited waits again, and what ran is lost and told so") {
  Boards boards(2, config_of("none"));
  const core::TaskId running = boards.world.submit(0, {.service = 5 * kSecond});
  const core::TaskId first = boards.world.submit(0, {.service = kSecond});
  const core::TaskId second = boards.world.submit(0, {.service = kSecond});
  boards.world.run_for(kSecond);
  boards.power_cycle(0);
  boards.check_clean();
  CHECK(boards.history(running).status == ExitStatus{ExitStatus::Kind::lost, 0});
  CHECK(boards.history(running).runs.size() == 1);
  for (const core::TaskId task : {first, second}) {
    CHECK(boards.history(task).status == ExitStatus{});
    CHECK(boards.history(task).runs.size() == 1);
  }
  CHECK(boards.history(first).ended < boards.history(second).ended);
}

TEST_CASE("restart: an owner keeps its guests, and their home node hears of them again") {
  Boards boards(2);
  const core::TaskId task = boards.guest(kSecond);
  boards.power_cycle(1);
  REQUIRE(boards.ends(task));
  CHECK(boards.history(task).status.kind == ExitStatus::Kind::lost);
  // It is an end that the owner vouches for, not one that is guessed at.
  CHECK(boards.record(task).state == TaskState::finished);
  boards.check_clean();
}

TEST_CASE("restart: results that had not arrived are delivered again") {
  Boards boards(2);
  const core::TaskId task = boards.guest(kSecond);
  boards.world.network().place(1, 1);
  boards.world.network().split(0, 1);
  boards.world.run_for(2 * kSecond);
  CHECK(boards.history(task).ends == 0);
  boards.power_cycle(1);
  boards.world.run_for(2 * kSecond);
  boards.world.network().heal();
  REQUIRE(boards.ends(task));
  CHECK(boards.history(task).status == ExitStatus{});
  CHECK(boards.history(task).runs.size() == 1);
  boards.check_clean();
}

TEST_CASE("restart: a home node asks the owners, and is in doubt until they answer") {
  Boards boards(3);
  const core::TaskId task = boards.guest(10 * kSecond);
  const NodeIndex owner = boards.history(task).owner;
  boards.world.network().place(owner, 1);
  boards.world.network().split(0, 1);
  boards.power_cycle(0);
  boards.world.run_for(kSecond);
  CHECK(boards.record(task).state == TaskState::in_doubt);
  CHECK(boards.record(task).owner == boards.world.node(owner).id);
  boards.world.network().heal();
  CHECK(boards.world.reaches([&] { return boards.record(task).state == TaskState::running; },
                             20 * kSecond));
  REQUIRE(boards.ends(task));
  CHECK(boards.history(task).status == ExitStatus{});
  boards.check_clean();
}

TEST_CASE("restart: a cancelled task ends as cancelled, whatever its daemon has forgotten") {
  const NodeIndex home = GENERATE(0u, 1u);
  const core::Duration stopping = GENERATE(0, 5) * kMillisecond;  // it takes 10
  const core::Duration down = GENERATE(1, 1000) * kMillisecond;
  World world;
  for (NodeIndex i = 0; i < 2; ++i)
    world.add({.config = config_of("none"), .seeds = {0, 1}, .journal = true, .migrates = true});
  settle(world);
  const core::TaskId task = world.submit(home, {.service = 30 * kSecond});
  REQUIRE(world.reaches([&] { return world.history().of(task).running(); }, kSecond));
  if (home == 1) {
    world.migrate(1, task, world.node(0).id);
    REQUIRE(world.reaches([&] { return world.history().of(task).runs.back().node == 0; }, kSecond));
  }
  world.cancel(task);
  world.run_for(stopping + kMillisecond);
  world.kill_daemon(0);
  world.run_for(down);
  world.restart(0);
  REQUIRE(world.reaches([&] { return world.history().of(task).ends > 0; }, 60 * kSecond));
  CHECK(world.history().of(task).status.kind == ExitStatus::Kind::cancelled);
  CHECK(world.now() < 20 * kSecond);
  CHECK(world.reaches([&] { return leftovers(world).empty(); }, 60 * kSecond));
}

TEST_CASE("restart: a wish to cancel outlives the home node") {
  Boards boards(2);
  const core::TaskId task = boards.guest(600 * kSecond);
  boards.wire.lose_from<core::Cancel>(0);
  boards.world.cancel(task);
  boards.power_cycle(0);
  boards.wire.lose_nothing();
  REQUIRE(boards.ends(task));
  CHECK(boards.history(task).status.kind == ExitStatus::Kind::cancelled);
  boards.check_clean();
}

TEST_CASE("restart: a handoff goes on where the journals left it, whoever stops when") {
  // Node 0 hands a waiting task to node 1; power fails at the step that sends that message.
  struct Case {
    std::string name;
    NodeIndex fails;
    bool (*at)(const core::Message&);
    sim::CrashPoint point;
  };
  const auto sends = [](auto message) {
    return
        [](const core::Message& sent) { return std::holds_alternative<decltype(message)>(sent); };
  };
  for (const bool torn : {false, true}) {
    const Case cases[] = {
        {"offer", 0, sends(core::Offer{}), {torn, 0}},
        {"grant", 1, sends(core::Grant{}), {torn, 0}},
        {"prepared", 1, sends(core::Prepared{}), {torn, 0}},
        {"commit", 0, sends(core::Commit{}), {torn, 0}},
        {"committed", 1, sends(core::Committed{}), {torn, 0}},
    };
    for (const Case& one : cases) {
      for (NodeIndex fails = 0; fails < 2; ++fails) {
        CAPTURE(one.name, torn, fails);
        Boards boards(2);
        boards.occupy(0);
        bool struck = false;
        // The other side fails in its next step, whatever that is: mostly the one that hears of it.
        boards.wire.lose([&](const Wire::Sent& sent) {
          if (!struck && sent.from == one.fails && one.at(sent.message)) {
            struck = true;
            boards.world.crash_in_step(fails, one.point);
          }
          return false;
        });
        const core::TaskId task = boards.world.submit(0, {.service = kSecond});
        const auto down = [&] {
          return boards.world.node(fails).state == sim::VirtualNode::State::down;
        };
        REQUIRE(boards.world.reaches(down, 10 * kSecond, kMillisecond));
        boards.wire.lose_nothing();
        boards.world.run_for(kSecond);
        boards.world.restart(fails);
        REQUIRE(boards.ends(task));
        if (boards.history(task).status.kind != ExitStatus::Kind::lost)
          CHECK(boards.history(task).runs.size() == 1);
        boards.check_clean();
      }
    }
  }
}

TEST_CASE("restart: a torn write leaves nothing of its step, a committed one all of it") {
  Boards boards(2, config_of("none"));
  boards.world.crash_in_step(0, {.torn = true});
  const core::TaskId torn = boards.world.submit(0);
  CHECK_FALSE(boards.history(torn).accepted);
  CHECK(boards.world.node(0).journal == core::Journal{});
  boards.world.restart(0);
  CHECK(boards.world.core(0).record(torn) == nullptr);

  boards.occupy(0);
  boards.world.crash_in_step(0, {.torn = false, .performed = 0});
  const core::TaskId committed = boards.world.submit(0);
  CHECK_FALSE(boards.history(committed).accepted);
  boards.world.restart(0);
  REQUIRE(boards.world.core(0).record(committed) != nullptr);
  CHECK(boards.ends(committed));
}

TEST_CASE("restart: a late Prepared for an offer of an earlier life proves nothing") {
  core::Config config = config_of("random");
  config.limits.transfer_timeout = 2 * kSecond;
  Boards boards(2, config);
  // Two, for the first one dies with the board.
  for (int i = 0; i < 2; ++i) boards.occupy(0, 30 * kSecond);
  boards.wire.lose_from<core::Prepared>(1);
  const core::TaskId task = boards.world.submit(0, {.service = kSecond});
  REQUIRE(boards.world.reaches([&] { return boards.wire.first<core::Prepared>().has_value(); },
                               10 * kSecond));
  const auto late = *boards.wire.first<core::Prepared>();
  const core::Epoch offered = std::get<core::Prepared>(late.message).epoch;
  boards.power_cycle(0);
  boards.wire.kept.clear();
  REQUIRE(boards.world.reaches([&] { return boards.wire.first<core::Offer>().has_value(); },
                               30 * kSecond));
  CHECK(std::get<core::Offer>(boards.wire.first<core::Offer>()->message).epoch >
        offered + core::kEpochsAhead / 2);
  boards.wire.replay(late);
  boards.world.run_for(10 * kMillisecond);
  CHECK(boards.history(task).epoch == 1);
  boards.wire.lose_nothing();
  CHECK(boards.ends(task));
  CHECK(boards.history(task).status == ExitStatus{});
}

TEST_CASE("restart: without a journal everything is gone") {
  World world;
  populate(world, 2, config_of("none"));
  settle(world);
  const core::TaskId task = world.submit(0);
  world.crash(0);
  world.restart(0);
  CHECK(world.core(0).record(task) == nullptr);
  CHECK(world.node(0).files.empty());
}
