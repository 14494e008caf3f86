// One handoff at a time, and what may happen to each of its messages.
#include <set>
#include <string>

#include "tests/sim/cluster.h"
#include "tests/sim/wire.h"

using namespace sim_test;
using core::ExitStatus;
using core::TaskState;
using core::What;

namespace {

// Two peers or more. Node 0 runs a long task of its own, so that what it is given next moves to
// where `random` sends it.
struct Stage {
  explicit Stage(NodeIndex nodes = 2, const core::Config& config = config_of("random"))
      : wire(world) {
    populate(world, nodes, config);
    settle(world);
    wire.kept.clear();
    occupied = occupy(0);
  }

  core::TaskId occupy(NodeIndex node, core::Duration service = 20 * kSecond) {
    return world.submit(node, {.service = service, .pinned = true});
  }
  // Nobody gives node that any tasks.
  void shut(NodeIndex node) {
    world.sample(node, {.memory_available_bytes = 0, .memory_pressure_thousandths = 1001});
  }
  const sim::TaskHistory& history(core::TaskId task) const { return world.history().of(task); }
  const core::HomeRecord& record(core::TaskId task) const {
    return *world.core(history(task).home).record(task);
  }
  bool reaches(const std::function<bool()>& condition, core::Duration within = 30 * kSecond) {
    return world.reaches(condition, within);
  }
  bool owned_by(core::TaskId task, NodeIndex node) {
    return reaches([&] { return history(task).owner == node; });
  }
  void check_ends_well(core::Duration within = 60 * kSecond) {
    CHECK(reaches([&] { return all_ended(world); }, within));
    CHECK(reaches([&] { return leftovers(world).empty(); }, 20 * kSecond));
    CHECK(leftovers(world) == "");
    check_all_done(world);
  }

  World world;
  Wire wire;
  core::TaskId occupied;
};

template <typename Alternative, std::size_t i = 0>
constexpr std::size_t index_of() {
  if constexpr (std::is_same_v<std::variant_alternative_t<i, core::Message>, Alternative>)
    return i;
  else
    return index_of<Alternative, i + 1>();
}

}  // namespace

TEST_CASE("a task moves once, with one epoch more") {
  Stage stage;
  const core::TaskId task = stage.world.submit(0);
  CHECK(stage.owned_by(task, 1));
  CHECK(stage.history(task).epoch == 2);
  CHECK(stage.reaches([&] { return stage.record(task).epoch == 2; }));
  CHECK(stage.record(task).owner == stage.world.node(1).id);
  CHECK(stage.record(task).moves == 1);
  stage.check_ends_well();
}

TEST_CASE("any kind of message may be lost for seconds") {
  for (std::size_t kind = index_of<core::Probe>(); kind < core::kMessages; ++kind) {
    for (const std::string preset : {"random", "receiver", "symmetric"}) {
      CAPTURE(core::message_name(kind), preset);
      Stage stage(3, config_of(preset));
      stage.wire.lose([&](const Wire::Sent& sent) { return sent.message.index() == kind; });
      for (int i = 0; i < 6; ++i) stage.world.submit(0);
      stage.world.run_for(4 * kSecond);
      stage.wire.lose_nothing();
      stage.check_ends_well();
    }
  }
}

TEST_CASE("every message may come again, seconds or a minute later") {
  for (const std::string preset : {"random", "receiver", "symmetric"}) {
    for (const core::Duration late : {100 * kMillisecond, 2 * kSecond, 60 * kSecond}) {
      CAPTURE(preset, late);
      Stage stage(3, config_of(preset));
      for (int i = 0; i < 6; ++i) stage.world.submit(0);
      // In slices, so that each copy is about so late.
      std::size_t replayed = 0;
      std::vector<std::pair<core::Time, std::size_t>> marks;
      for (int slice = 0; slice < 1000; ++slice) {
        marks.emplace_back(stage.world.now() + late, stage.wire.kept.size());
        stage.world.run_for(100 * kMillisecond);
        stage.wire.keep(stage.world.now() < 30 * kSecond);
        for (const auto& [at, until] : marks)
          if (at <= stage.world.now())
            for (; replayed < until; ++replayed) stage.wire.replay(stage.wire.kept[replayed]);
      }
      stage.check_ends_well();
    }
  }
}

TEST_CASE("a late offer of a task that has come and gone leaves no reservation") {
  Stage stage;
  stage.wire.lose_from<core::Committed>(1);
  const core::TaskId task = stage.world.submit(0);
  REQUIRE(stage.reaches([&] { return stage.history(task).ends == 1; }));
  stage.world.run_for(5 * kSecond);
  stage.wire.lose([](const Wire::Sent& sent) {
    return std::holds_alternative<core::Committed>(sent.message) ||
           std::holds_alternative<core::Abort>(sent.message) ||
           std::holds_alternative<core::Commit>(sent.message);
  });
  stage.wire.replay(stage.wire.first<core::Offer>().value());
  stage.world.run_for(100 * kMillisecond);
  CHECK(stage.world.core(1).reserved() == 1);
  stage.wire.lose_nothing();
  CHECK(stage.reaches([&] { return stage.world.core(1).reserved() == 0; }, 20 * kSecond));
  stage.check_ends_well();
}

TEST_CASE("a late offer ends well while the source still waits for its confirmation") {
  Stage stage;
  stage.wire.lose([](const Wire::Sent& sent) {
    return std::holds_alternative<core::Committed>(sent.message) ||
           (sent.from == 1 && std::holds_alternative<core::Abort>(sent.message));
  });
  const core::TaskId task = stage.world.submit(0);
  REQUIRE(stage.reaches([&] { return stage.history(task).ends == 1; }));
  REQUIRE(stage.reaches([&] { return stage.world.core(1).tasks().all().empty(); }));
  stage.shut(1);
  stage.wire.replay(stage.wire.first<core::Offer>().value());
  stage.world.run_for(kSecond);
  stage.wire.lose_nothing();
  const auto settled = [&] {
    return stage.world.core(0).handoffs().empty() && stage.world.core(1).handoffs().empty();
  };
  CHECK(stage.reaches(settled, 20 * kSecond));
  stage.check_ends_well();
}

TEST_CASE("what a dead source left in doubt keeps nobody out") {
  Stage stage(3);
  stage.wire.lose_from<core::Commit>(0);
  Count prepared(stage.world, What::prepared);
  const core::TaskId task = stage.world.submit(0);
  REQUIRE(stage.reaches([&] { return prepared() > 0; }));
  stage.world.crash(0);
  REQUIRE(stage.reaches([&] { return all_see(stage.world, 0, core::MemberState::dead); },
                        60 * kSecond));
  CHECK(stage.world.core(1).load() == 0);
  CHECK(stage.world.core(2).load() == 0);
  stage.world.restart(0);
  CHECK(stage.reaches([&] { return leftovers(stage.world).empty(); }, 60 * kSecond));
  CHECK(stage.history(task).runs.empty());
}

TEST_CASE("a reservation does not outlive a lost abort") {
  Stage stage;
  stage.wire.lose([](const Wire::Sent& sent) {
    return std::holds_alternative<core::Grant>(sent.message) ||
           std::holds_alternative<core::Abort>(sent.message);
  });
  stage.world.submit(0);
  REQUIRE(stage.reaches([&] { return stage.world.core(1).reserved() == 1; }));
  stage.shut(1);
  stage.world.run_for(3 * kSecond);
  stage.wire.lose_nothing();
  CHECK(stage.reaches([&] { return stage.world.core(1).reserved() == 0; }, 10 * kSecond));
  stage.check_ends_well();
}

TEST_CASE("there and back again while the first confirmation is missing") {
  Stage stage;
  stage.wire.lose_from<core::Committed>(1);
  stage.occupy(1);
  const core::TaskId task = stage.world.submit(0);
  REQUIRE(stage.owned_by(task, 1));
  stage.world.drain(1);
  CHECK(stage.owned_by(task, 0));
  CHECK(stage.history(task).epoch >= 3);
  stage.wire.lose_nothing();
  // What is still under way of the first handoff proves nothing any more.
  for (const Wire::Sent& sent : std::vector<Wire::Sent>(stage.wire.kept))
    if (sent.message.index() >= index_of<core::Offer>()) stage.wire.replay(sent);
  stage.world.run_for(100 * kMillisecond);
  CHECK(stage.history(task).owner == 0);
  stage.check_ends_well();
}

TEST_CASE("a task can be cancelled at any instant of its move") {
  for (core::Duration at = 0; at <= 300 * kMillisecond; at += 2 * kMillisecond) {
    CAPTURE(at);
    Stage stage;
    sim::Link slow;
    slow.delay_min = slow.delay_max = 20 * kMillisecond;
    slow.stream_latency = 100 * kMillisecond;
    stage.world.network().change(slow);
    const core::TaskId task = stage.world.submit(0, {.service = 60 * kSecond});
    stage.world.run_for(at);
    stage.world.cancel(task);
    CHECK(stage.reaches([&] { return stage.history(task).ends == 1; }, 10 * kSecond));
    CHECK(stage.history(task).status.kind == ExitStatus::Kind::cancelled);
    CHECK(stage.record(task).state == TaskState::finished);
    CHECK(stage.reaches([&] { return leftovers(stage.world).find("n1") == std::string::npos; }));
    CHECK(stage.world.history().violations().empty());
  }
}

TEST_CASE("a task that is cancelled on its way home does not start there") {
  Stage stage;
  stage.occupy(1);
  const core::TaskId task = stage.world.submit(0);
  REQUIRE(stage.owned_by(task, 1));
  stage.wire.lose_from<core::Commit>(1);
  Count handed_off(stage.world, What::handed_off);
  stage.world.drain(1);
  REQUIRE(stage.reaches([&] { return handed_off() > 0; }));
  stage.world.cancel(task);
  stage.world.run_for(kSecond);
  stage.wire.lose_nothing();
  CHECK(stage.reaches([&] { return stage.history(task).ends == 1; }, 10 * kSecond));
  CHECK(stage.history(task).status.kind == ExitStatus::Kind::cancelled);
  CHECK(stage.history(task).runs.empty());
}

TEST_CASE("an owner that has passed a task on does not deny it") {
  for (const bool cancelled : {true, false}) {
    CAPTURE(cancelled);
    core::Config config = config_of("random");
    config.limits.moves_per_task = 1000;  // it may go to and fro before anybody looks
    Stage stage(2, config);
    stage.occupy(1);
    const core::TaskId task = stage.world.submit(0, {.service = 60 * kSecond});
    REQUIRE(stage.owned_by(task, 1));
    stage.shut(0);
    stage.world.run_for(kSecond);
    stage.wire.lose_from<core::TaskReport>(1);
    Count losses(stage.world, What::task_lost);
    stage.world.add({.config = config_of("random"), .seeds = {0}});
    REQUIRE(stage.owned_by(task, 2));
    stage.world.run_for(kSecond);
    stage.wire.lose([&](const Wire::Sent& sent) {  // 2 is not heard for a while either
      const auto* report = std::get_if<core::TaskReport>(&sent.message);
      return report != nullptr && report->state != TaskState::unknown;
    });
    if (cancelled)
      stage.world.cancel(task);
    else
      stage.wire.replay({0, 1, core::TaskQuery{task, 2}});
    stage.world.run_for(2 * kSecond);
    CHECK(losses() == 0);
    stage.wire.lose_nothing();
    CHECK(stage.reaches([&] { return stage.record(task).owner == stage.world.node(2).id; }));
    if (cancelled) {
      CHECK(stage.reaches([&] { return stage.history(task).ends == 1; }, 20 * kSecond));
      CHECK(stage.history(task).status.kind == ExitStatus::Kind::cancelled);
    }
    CHECK(losses() == 0);
  }
}

TEST_CASE("old news of a task does not bring its record back in time") {
  Stage stage;
  const core::TaskId task = stage.world.submit(0, {.service = 60 * kSecond});
  REQUIRE(stage.reaches([&] { return stage.record(task).state == TaskState::running; }));
  for (const Wire::Sent& sent : std::vector<Wire::Sent>(stage.wire.kept))
    if (std::holds_alternative<core::TaskReport>(sent.message)) stage.wire.replay(sent);
  stage.wire.replay({1, 0,
                     core::TaskReport{.task = task,
                                      .epoch = 2,
                                      .state = TaskState::waiting,
                                      .owner = stage.world.node(1).id,
                                      .hops = 1}});
  stage.world.run_for(100 * kMillisecond);
  CHECK(stage.record(task).state == TaskState::running);
}

TEST_CASE("a dead owner's task is lost, and late news of it does not change that") {
  Stage stage(3);
  stage.shut(2);
  const core::TaskId task = stage.world.submit(0, {.service = 600 * kSecond});
  REQUIRE(stage.owned_by(task, 1));
  REQUIRE(stage.reaches([&] { return stage.record(task).state == TaskState::running; }));
  stage.world.crash(1);
  CHECK(stage.reaches([&] { return stage.record(task).state == TaskState::lost; }, 60 * kSecond));
  for (const Wire::Sent& sent : std::vector<Wire::Sent>(stage.wire.kept))
    if (std::holds_alternative<core::TaskReport>(sent.message)) stage.wire.replay(sent);
  stage.world.run_for(5 * kSecond);
  CHECK(stage.record(task).state == TaskState::lost);
  CHECK(stage.history(task).ends == 0);
  stage.world.restart(1);
  stage.world.run_for(30 * kSecond);
  CHECK(stage.record(task).state == TaskState::lost);
  CHECK(leftovers(stage.world) == "");
}

TEST_CASE("an owner taken for dead brings its task back") {
  Stage stage(3);
  stage.shut(2);
  const core::TaskId task = stage.world.submit(0, {.service = 100 * kSecond});
  REQUIRE(stage.owned_by(task, 1));
  stage.world.network().place(1, 1);
  stage.world.network().split(0, 1);
  REQUIRE(stage.reaches([&] { return stage.record(task).state == TaskState::lost; }, 90 * kSecond));
  stage.world.network().heal();
  CHECK(stage.reaches([&] { return stage.record(task).open(); }, 30 * kSecond));
  stage.check_ends_well(120 * kSecond);
}

TEST_CASE("an owner that restarts has lost its tasks") {
  Stage stage(3);
  stage.shut(2);
  const core::TaskId task = stage.world.submit(0, {.service = 600 * kSecond});
  REQUIRE(stage.owned_by(task, 1));
  REQUIRE(stage.reaches([&] { return stage.record(task).state == TaskState::running; }));
  stage.world.crash(1);
  stage.world.restart(1);
  CHECK(stage.reaches([&] { return stage.record(task).state == TaskState::lost; }, 20 * kSecond));
}

TEST_CASE("guests do not stay for ever once their home is gone") {
  core::Config config = config_of("random");
  config.membership.dead_retention = 30 * kSecond;
  Stage stage(2, config);
  const core::TaskId returning = stage.world.submit(0, {.service = 5 * kSecond});
  REQUIRE(stage.owned_by(returning, 1));
  const core::TaskId running = stage.world.submit(0, {.service = 120 * kSecond});
  const core::TaskId waiting = stage.world.submit(0, {.service = 2 * kSecond});
  REQUIRE(stage.owned_by(waiting, 1));
  REQUIRE(stage.owned_by(running, 1));
  const bool comes_back = GENERATE(false, true);
  CAPTURE(comes_back);
  stage.world.crash(0);
  if (comes_back) {  // and has forgotten everything
    stage.world.run_for(2 * kSecond);
    stage.world.restart(0);
  }
  CHECK(stage.reaches([&] { return leftovers(stage.world).empty(); }, 240 * kSecond));
  CHECK(leftovers(stage.world) == "");
  const std::uint64_t before = stage.world.datagrams();
  stage.world.run_for(100 * kSecond);
  CHECK(stage.world.datagrams() - before < (comes_back ? 600u : 150u));
}

TEST_CASE("nobody takes a task whose home it does not know") {
  Stage stage;
  core::Config config = config_of("random");
  config.membership.max_peers = 1;
  stage.occupy(1, 5 * kSecond);
  for (int i = 0; i < 6; ++i) stage.world.submit(0, {.service = 2 * kSecond});
  stage.world.add({.config = config, .seeds = {1}});
  stage.check_ends_well(120 * kSecond);
  for (const sim::TaskHistory& task : stage.world.history().tasks())
    CHECK(task.runs.at(0).node != 2);
}

TEST_CASE("who was forgotten learns at last that nothing was kept for it") {
  core::Config config = config_of("random");
  config.membership.dead_retention = 5 * kSecond;
  Stage stage(2, config);
  const core::TaskId task = stage.world.submit(0, {.service = 2 * kSecond});
  REQUIRE(stage.owned_by(task, 1));
  stage.world.pause(0);
  REQUIRE(stage.reaches([&] { return stage.world.core(1).tasks().all().empty(); }, 120 * kSecond));
  stage.world.resume(0);
  CHECK(stage.reaches([&] { return !stage.record(task).open(); }, 60 * kSecond));
  CHECK(stage.record(task).state == TaskState::lost);
}

TEST_CASE("a task that its source forgets on the way home is lost, and not waiting for ever") {
  Stage stage;
  stage.occupy(1);
  stage.wire.lose_from<core::Commit>(1);
  const core::TaskId task = stage.world.submit(0, {.service = 2 * kSecond});
  REQUIRE(stage.reaches([&] { return stage.record(task).epoch == 3; }));
  REQUIRE(stage.record(task).owner == stage.world.node(0).id);
  stage.world.crash(1);
  stage.world.run_for(kSecond);
  stage.world.restart(1);
  CHECK(stage.reaches([&] { return !stage.record(task).open(); }, 60 * kSecond));
  CHECK(stage.record(task).state == TaskState::lost);
}

TEST_CASE("who forwards a task to a peer that dies, dies not with it") {
  Stage stage;
  stage.wire.lose_from<core::Committed>(1);
  const core::TaskId task = stage.world.submit(0, {.service = 600 * kSecond});
  REQUIRE(stage.owned_by(task, 1));
  stage.world.crash(1);
  REQUIRE(stage.reaches([&] { return stage.record(task).state == TaskState::lost; }, 60 * kSecond));
  stage.world.drain(0);
  CHECK(stage.reaches([&] { return stage.world.node(0).drained; }, 30 * kSecond));
}
