// Leaving in order: guests that wait go home, what runs finishes, nothing is lost.
#include <set>
#include <string>

#include "tests/sim/cluster.h"

using namespace sim_test;
using core::MemberState;
using core::What;

TEST_CASE("a peer that drains hands back its waiting guests, finishes the rest and leaves") {
  for (const std::string preset : {"random", "sender", "symmetric", "adaptive"}) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      CAPTURE(preset, seed);
      World world({.seed = seed, .link = {.loss_thousandths = seed % 2 == 0 ? 100u : 0u}});
      populate(world, 4, config_of(preset));
      settle(world);
      for (int i = 0; i < 30; ++i) world.submit(0, {.service = 3 * kSecond});
      for (int i = 0; i < 3; ++i) world.submit(1, {.service = 3 * kSecond});
      world.run_for(4 * kSecond);
      const auto guests = [&](core::Task::Phase phase) {
        std::size_t count = 0;
        for (const auto& [arrival, task] : world.core(1).tasks().all())
          if (task.id.home != world.node(1).id && task.phase == phase) ++count;
        return count;
      };
      bool told_as_draining = false;
      on_trace(world, What::peer_draining, [&](NodeIndex, const core::Trace& trace) {
        told_as_draining |= trace.peer == world.node(1).id;
      });
      std::set<std::uint64_t> arrived_after;
      on_trace(world, What::arrived, [&](NodeIndex node, const core::Trace& trace) {
        // What was granted before may still come; what comes home must.
        if (node == 1 && trace.task.home != world.node(1).id)
          arrived_after.insert(trace.task.serial);
      });
      const std::size_t reserved = world.core(1).reserved();
      world.drain(1);
      // Waiting guests are gone before the running one has finished.
      CHECK(world.reaches(
          [&] { return world.node(1).drained || guests(core::Task::Phase::waiting) == 0; },
          kSecond));
      CHECK(world.reaches([&] { return world.node(1).drained; }, 120 * kSecond));
      CHECK(told_as_draining);
      CHECK(arrived_after.size() <= reserved);
      if (seed % 2 == 1)
        CHECK(world.reaches([&] { return all_see(world, 1, MemberState::left); }, kSecond));
      CHECK(world.reaches([&] { return all_ended(world); }, 120 * kSecond));
      CHECK(world.reaches([&] { return leftovers(world).empty(); }, 20 * kSecond));
      CHECK(leftovers(world) == "");
      check_all_done(world);
    }
  }
}

TEST_CASE("two neighbours drain at once, and nothing is lost") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    World world({.seed = seed});
    populate(world, 4, config_of("random"));
    settle(world);
    for (int i = 0; i < 20; ++i) world.submit(i % 3 == 0 ? 0 : 1);
    world.run_for(static_cast<core::Duration>(seed) * 50 * kMillisecond);
    world.drain(0);
    world.run_for(static_cast<core::Duration>(seed) * 10 * kMillisecond);
    world.drain(1);
    CHECK(world.reaches([&] { return world.node(0).drained && world.node(1).drained; },
                        60 * kSecond));
    CHECK(all_ended(world));
    CHECK(leftovers(world) == "");
    check_all_done(world);
  }
}

TEST_CASE("a draining peer takes no submissions and grants nothing") {
  World world;
  populate(world, 2, config_of("random"));
  settle(world);
  world.submit(1, {.service = 20 * kSecond});
  world.drain(1);
  const core::TaskId late = world.submit(1);
  CHECK_FALSE(world.history().of(late).accepted);
  CHECK(world.history().of(late).refused == core::Veto::draining);
  for (int i = 0; i < 5; ++i) world.submit(0);
  world.run_for(10 * kSecond);
  for (const sim::TaskHistory& task : world.history().tasks())
    if (task.home == 0) CHECK(task.moves == 0);
}

TEST_CASE("a second request to drain leaves at once, for dead") {
  World world;
  populate(world, 2, config_of("random"));
  settle(world);
  world.submit(1, {.service = 600 * kSecond});
  world.drain(1);
  world.run_for(10 * kSecond);
  CHECK_FALSE(world.node(1).drained);
  world.drain(1);
  CHECK(world.node(1).drained);
  CHECK(world.reaches([&] { return all_see(world, 1, MemberState::dead); }, kSecond));
}

namespace {

std::size_t tasks_of(World& world, NodeIndex node) {
  return world.core(node).tasks().all().size();
}

}  // namespace

TEST_CASE("a board that is to be empty hands over what it has, whatever its policies") {
  const std::string preset = GENERATE("none", "receiver", "adaptive");
  const bool migrates = GENERATE(false, true);
  const std::uint64_t seed = GENERATE(range<std::uint64_t>(1, 6));
  CAPTURE(preset, migrates, seed);
  World world({.seed = seed, .link = {.loss_thousandths = seed % 2 == 0 ? 100u : 0u}});
  core::Config config = config_of(preset);
  config.load.slots = 2;
  config.limits.min_residence = 100 * kSecond;
  for (NodeIndex i = 0; i < 4; ++i)
    world.add({.config = config, .seeds = {0, 1}, .journal = true, .migrates = migrates});
  settle(world);
  for (int i = 0; i < 12; ++i) world.submit(0, {.service = 60 * kSecond, .image_bytes = 1 << 20});
  const core::TaskId pinned = world.submit(0, {.service = 5 * kSecond, .pinned = true});
  world.run_for(kSecond);
  const std::uint32_t started = world.core(0).tasks().count(core::Task::Phase::running);
  REQUIRE(started == 2);
  world.evacuate(0);
  CHECK_FALSE(world.node(0).emptied);
  // What waits is gone long before what runs could have ended; pinned ones run here to their end.
  CHECK(
      world.reaches([&] { return tasks_of(world, 0) <= (migrates ? 0u : 2u) + 1u; }, 20 * kSecond));
  CHECK(world.reaches([&] { return world.node(0).emptied; }, 70 * kSecond));
  CHECK(tasks_of(world, 0) == 0);
  CHECK(world.history().of(pinned).runs.at(0).node == 0);
  for (const sim::TaskHistory& task : world.history().tasks())
    if (task.accepted && task.id != pinned && !task.runs.empty() && task.runs[0].node == 0)
      CHECK(task.runs.size() == (migrates ? 2 : 1));
  CHECK(world.reaches([&] { return all_ended(world); }, 600 * kSecond));
  CHECK(world.reaches([&] { return leftovers(world).empty(); }, 60 * kSecond));
  CHECK(leftovers(world) == "");
  CHECK(world.history().violations() == std::vector<std::string>{});
  CHECK(world.history().of(world.submit(0)).refused == core::Veto::draining);
}

TEST_CASE("a board that was to be empty takes tasks again, and all know") {
  World world;
  populate(world, 4, config_of("random"));
  settle(world);
  world.evacuate(1);
  CHECK(world.node(1).emptied);
  const auto seen_as_draining = [&] {
    std::size_t count = 0;
    for (const NodeIndex node : {0, 2, 3})
      for (const core::PeerStatus& peer : world.core(node).peers())
        count += peer.member.id == world.node(1).id && peer.member.draining ? 1 : 0;
    return count;
  };
  CHECK(world.reaches([&] { return seen_as_draining() == 3; }, 10 * kSecond));
  for (int i = 0; i < 12; ++i) world.submit(0);
  CHECK(world.reaches([&] { return all_ended(world); }, 60 * kSecond));
  for (const sim::TaskHistory& task : world.history().tasks()) CHECK(task.runs.at(0).node != 1);
  world.evacuate(1, false);
  CHECK(world.reaches([&] { return seen_as_draining() == 0; }, 10 * kSecond));
  for (int i = 0; i < 12; ++i) world.submit(0);
  REQUIRE(world.reaches([&] { return all_ended(world); }, 60 * kSecond));
  bool used = false;
  for (const sim::TaskHistory& task : world.history().tasks()) used |= task.runs.at(0).node == 1;
  CHECK(used);
}

TEST_CASE("a board without peers to hand over to works on, and one that is empty may leave") {
  World world;
  populate(world, 1, config_of("random"));
  settle(world);
  world.submit(0, {.service = kSecond});
  world.submit(0, {.service = kSecond});
  world.evacuate(0);
  CHECK(world.reaches([&] { return world.node(0).emptied; }, 10 * kSecond));
  CHECK(all_ended(world));
  world.drain(0);
  CHECK(world.node(0).drained);
}

TEST_CASE("who has left can come back") {
  World world;
  populate(world, 4, config_of("random"));
  settle(world);
  world.drain(2);
  REQUIRE(world.reaches([&] { return all_see(world, 2, MemberState::left); }, 5 * kSecond));
  world.restart(2);
  CHECK(world.reaches([&] { return all_alive(world); }, 10 * kSecond));
  for (int i = 0; i < 12; ++i) world.submit(0);
  REQUIRE(world.reaches([&] { return all_ended(world); }, 30 * kSecond));
  bool used = false;
  for (const sim::TaskHistory& task : world.history().tasks()) used |= task.runs.at(0).node == 2;
  CHECK(used);
}

TEST_CASE("who leaves while a task of its own is lost still gets what becomes of it") {
  World world;
  for (NodeIndex i = 0; i < 3; ++i)
    world.add({.config = config_of("random"), .seeds = {0, 1}, .journal = true});
  settle(world);
  world.submit(0, {.service = kSecond, .pinned = true});
  const core::TaskId task = world.submit(0, {.service = 120 * kSecond});
  REQUIRE(world.reaches([&] { return world.history().of(task).running(); }, 10 * kSecond));
  const NodeIndex owner = world.history().of(task).owner;
  world.network().place(owner, 1);
  world.network().split(0, 1);
  REQUIRE(world.reaches([&] { return sees(world, 0, owner, MemberState::dead); }, 90 * kSecond));
  world.drain(0);
  CHECK(world.node(0).drained);
  world.network().heal();
  world.run_for(200 * kSecond);
  CHECK(sees(world, owner, 0, MemberState::dead));
  world.restart(0);
  CHECK(world.reaches([&] { return all_ended(world); }, 60 * kSecond));
  CHECK(world.history().of(task).status == core::ExitStatus{});
  CHECK(world.reaches([&] { return leftovers(world).empty(); }, 20 * kSecond));
}
