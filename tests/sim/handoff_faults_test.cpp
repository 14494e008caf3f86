// Handoffs under everything that can go wrong: no task is lost, no two copies run.
#include <string>

#include "tests/sim/cluster.h"

using namespace sim_test;

namespace {

constexpr NodeIndex kNodes = 5;

struct Faults {
  bool pauses = false;
  bool partitions = false;
  bool crashes = false;  // of nodes 2, 3 and 4; nobody submits there
  bool cancels = false;
};

// A restless minute: tasks arrive at nodes 0 and 1 and wander about a faulty network.
class Turmoil {
 public:
  Turmoil(std::uint64_t seed, const std::string& preset, const Faults& faults)
      : world({.seed = seed}), rng_(seed), faults_(faults) {
    core::Config config = config_of(preset);
    config.limits.moves_per_task = 8;
    config.limits.transfer_timeout = 10 * kSecond;
    config.limits.search_retry = 200 * kMillisecond;
    populate(world, kNodes, config);
    settle(world);
    sim::Link link;
    link.delay_max = 20 * kMillisecond;
    link.loss_thousandths = static_cast<std::uint32_t>(rng_.below(301));
    link.duplication_thousandths = 200;
    link.reorder_thousandths = 200;
    link.reorder_delay = 2 * kSecond;
    link.stream_failure_thousandths = 100;
    link.stream_latency = 100 * kMillisecond;
    world.network().change(link);
  }

  void rage() {
    for (int round = 0; round < 100; ++round) {
      submit_some();
      if (faults_.cancels && draw(4) == 0) cancel_one();
      if (faults_.pauses) pause_or_resume();
      if (faults_.partitions) part_or_heal();
      if (faults_.crashes) crash_or_restart();
      world.run_for(static_cast<core::Duration>(draw(600)) * kMillisecond);
    }
  }

  void calm() {
    world.network().change(sim::Link{});
    world.network().heal();
    for (NodeIndex i = 0; i < kNodes; ++i) {
      world.resume(i);
      if (world.node(i).state == sim::VirtualNode::State::down) world.restart(i);
    }
  }

  World world;

 private:
  std::uint64_t draw(std::uint64_t bound) { return rng_.below(bound); }

  void submit_some() {
    sim::Job job;
    job.service = static_cast<core::Duration>(100 + draw(1500)) * kMillisecond;
    job.needs.bundle_bytes = draw(50'000'000);
    job.status.value = static_cast<std::int32_t>(draw(100));
    const auto home = static_cast<NodeIndex>(draw(2));
    const std::uint64_t count = draw(4);
    if (world.node(home).state != sim::VirtualNode::State::up) return;
    for (std::uint64_t i = 0; i < count; ++i) world.submit(home, job);
  }

  void cancel_one() {
    const auto& tasks = world.history().tasks();
    if (tasks.empty()) return;
    const sim::TaskHistory& task = tasks[draw(tasks.size())];
    if (world.node(task.home).state == sim::VirtualNode::State::up) world.cancel(task.id);
  }

  void pause_or_resume() {
    const auto node = static_cast<NodeIndex>(draw(kNodes));
    if (world.node(node).state == sim::VirtualNode::State::paused)
      world.resume(node);
    else if (draw(3) == 0 && world.node(node).state == sim::VirtualNode::State::up)
      world.pause(node);
  }

  void part_or_heal() {
    if (draw(10) == 0) {
      const auto node = static_cast<NodeIndex>(draw(kNodes));
      world.network().place(node, static_cast<std::uint32_t>(draw(3)));
      const auto from = static_cast<std::uint32_t>(draw(3));
      const auto to = static_cast<std::uint32_t>(draw(3));
      if (from != to) world.network().block(from, to);
    } else if (draw(10) == 0) {
      world.network().heal();
    }
  }

  void crash_or_restart() {
    const auto node = static_cast<NodeIndex>(2 + draw(3));
    if (world.node(node).state == sim::VirtualNode::State::down) {
      if (draw(3) == 0) world.restart(node);
    } else if (draw(15) == 0) {
      world.crash(node);
    }
  }

  core::Rng rng_;
  Faults faults_;
};

bool any_open(const World& world) {
  for (const sim::TaskHistory& task : world.history().tasks()) {
    const core::HomeRecord* record = world.core(task.home).record(task.id);
    if (record->open()) return true;
  }
  return false;
}

// After the storm, without crashes: everything ends as it should have.
void check_nothing_lost(Turmoil& turmoil) {
  World& world = turmoil.world;
  turmoil.calm();
  CHECK(world.reaches([&] { return all_ended(world); }, 600 * kSecond, kSecond));
  CHECK(world.reaches([&] { return leftovers(world).empty(); }, 60 * kSecond, kSecond));
  CHECK(leftovers(world) == "");
  CHECK(world.history().violations() == std::vector<std::string>{});
  for (const sim::TaskHistory& task : world.history().tasks()) {
    CAPTURE(task.id.serial);
    CHECK(task.ends == 1);
    CHECK(task.moves <= 8);
    if (task.status.kind == core::ExitStatus::Kind::cancelled) continue;
    CHECK(task.runs.size() == 1);
    CHECK(task.status == task.job.status);
    CHECK(task.results >= 1);
  }
}

}  // namespace

TEST_CASE("no task is lost or doubled in a bad network") {
  for (const std::string preset : {"random", "sender", "symmetric", "adaptive"}) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      CAPTURE(preset, seed);
      Turmoil turmoil(seed, preset, {});
      turmoil.rage();
      check_nothing_lost(turmoil);
    }
  }
}

TEST_CASE("no task is lost or doubled by peers that stall, partitions and cancellations") {
  for (const std::string preset : {"random", "receiver", "symmetric"}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      CAPTURE(preset, seed);
      Turmoil turmoil(seed, preset, {.pauses = true, .partitions = true, .cancels = true});
      turmoil.rage();
      check_nothing_lost(turmoil);
    }
  }
}

TEST_CASE("crashes lose what ran there, and the home node knows it") {
  for (const std::string preset : {"random", "symmetric", "adaptive"}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      CAPTURE(preset, seed);
      Turmoil turmoil(seed, preset, {.pauses = true, .crashes = true});
      turmoil.rage();
      turmoil.calm();
      World& world = turmoil.world;
      CHECK(world.reaches([&] { return !any_open(world); }, 600 * kSecond, kSecond));
      CHECK(world.reaches([&] { return leftovers(world).empty(); }, 60 * kSecond, kSecond));
      CHECK(leftovers(world) == "");
      CHECK(world.history().violations() == std::vector<std::string>{});
      std::size_t lost = 0, done = 0;
      for (const sim::TaskHistory& task : world.history().tasks()) {
        CAPTURE(task.id.serial);
        CHECK(task.ends <= 1);
        CHECK(task.runs.size() <= 1);
        const core::HomeRecord& record = *world.core(task.home).record(task.id);
        if (record.state == core::TaskState::lost) {
          ++lost;
          // Those that never crash lose nothing but what was on its way to them, decided by one
          // that does.
          const bool crashes = record.owner != world.node(0).id && record.owner != world.node(1).id;
          CHECK((crashes || task.runs.empty()));
        } else {
          ++done;
          CHECK(record.status == task.job.status);
        }
      }
      CHECK(done > lost);
    }
  }
}
