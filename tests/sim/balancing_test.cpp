// What the presets do to a burst, to a quiet cluster and to an overloaded one.
#include <map>
#include <set>
#include <string>
#include <utility>

#include "tests/sim/cluster.h"

using namespace sim_test;
using core::What;

namespace {

constexpr NodeIndex kNodes = 4;
constexpr std::size_t kBurst = 40;

void submit(World& world, NodeIndex home, std::size_t count, const sim::Job& job = {}) {
  for (std::size_t i = 0; i < count; ++i) world.submit(home, job);
}

core::Time makespan(const World& world) {
  core::Time last = 0;
  for (const sim::TaskHistory& task : world.history().tasks())
    last = std::max(last, task.ended - task.submitted);
  return last;
}

std::uint32_t moves(const World& world) {
  std::uint32_t moves = 0;
  for (const sim::TaskHistory& task : world.history().tasks()) moves += task.moves;
  return moves;
}

std::set<NodeIndex> workers(const World& world) {
  std::set<NodeIndex> nodes;
  for (const sim::TaskHistory& task : world.history().tasks())
    for (const sim::Run& run : task.runs) nodes.insert(run.node);
  return nodes;
}

// Counts the probes of each search and what moves at once, and remembers the most.
class Limits {
 public:
  explicit Limits(World& world) {
    on_trace(world, What::probe_sent, [this](NodeIndex node, const core::Trace& trace) {
      most_probes = std::max(most_probes, ++probes_[{node, trace.a}]);
    });
    world.watch([this, &world](const sim::StepTaken& step) {
      std::uint32_t out = 0, in = 0;
      for (const core::HandoffStatus& handoff : world.core(step.node).handoffs())
        if (!handoff.outgoing)
          ++in;
        else if (std::string(handoff.stage) != "handed off")
          ++out;
      most_out = std::max(most_out, out);
      most_in = std::max(most_in, in);
    });
  }
  Limits(const Limits&) = delete;
  Limits& operator=(const Limits&) = delete;

  std::uint32_t most_probes = 0, most_out = 0, most_in = 0;

 private:
  std::map<std::pair<NodeIndex, std::int64_t>, std::uint32_t> probes_;
};

}  // namespace

TEST_CASE("a burst on one of four peers is spread by every preset but none") {
  for (const std::string& preset : policies::preset_names()) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      CAPTURE(preset, seed);
      World world({.seed = seed});
      core::Config config = config_of(preset);
      // One sender, whose pauses alone say how much it gives away.
      if (preset == "push") config.limits.search_retry = 200 * kMillisecond;
      populate(world, kNodes, config);
      settle(world);
      Limits limits(world);
      submit(world, seed % kNodes, kBurst);
      REQUIRE(world.reaches([&] { return all_ended(world); }, 60 * kSecond));
      world.run_for(10 * kSecond);
      check_all_done(world);
      CHECK(leftovers(world).empty());
      CHECK(limits.most_probes <= config.limits.probe_limit);
      CHECK(limits.most_out <= config.limits.transfers_at_once);
      CHECK(limits.most_in <= config.limits.transfers_at_once);
      for (const sim::TaskHistory& task : world.history().tasks())
        CHECK(task.moves <= config.limits.moves_per_task);
      // 40 seconds of work; 10 at best.
      if (preset == "none") {
        CHECK(moves(world) == 0);
        CHECK(makespan(world) >= 40 * kSecond);
      } else {
        CHECK(workers(world).size() == kNodes);
        CHECK(makespan(world) <= 20 * kSecond);
      }
    }
  }
}

TEST_CASE("every information policy serves a burst") {
  for (const std::string& information : policies::information_names()) {
    for (const std::string preset : {"sender", "symmetric", "adaptive"}) {
      CAPTURE(information, preset);
      World world({.seed = 5});
      core::Config config = config_of(preset);
      config.policy.information = information;
      config.load.smoothing_thousandths = information == "periodic" ? 500 : 1000;
      populate(world, kNodes, config);
      settle(world);
      submit(world, 0, kBurst);
      REQUIRE(world.reaches([&] { return all_ended(world); }, 30 * kSecond));
      check_all_done(world);
      CHECK(workers(world).size() == kNodes);
    }
  }
}

TEST_CASE("a heavier board and one with more slots take their share") {
  World world({.seed = 3});
  core::Config config = config_of("symmetric");
  populate(world, 2, config);
  config.load.slots = 4;
  config.load.weight_thousandths = 4000;
  world.add({.config = config, .seeds = {0}});
  settle(world);
  submit(world, 0, 60);
  REQUIRE(world.reaches([&] { return all_ended(world); }, 60 * kSecond));
  std::map<NodeIndex, int> ran;
  for (const sim::TaskHistory& task : world.history().tasks()) ++ran[task.runs.at(0).node];
  CHECK(ran[2] >= 2 * ran[1]);
  CHECK(makespan(world) <= 20 * kSecond);
}

TEST_CASE("a quiet balanced cluster moves nothing") {
  for (const std::string& preset : policies::preset_names()) {
    CAPTURE(preset);
    World world({.seed = 2});
    populate(world, kNodes, config_of(preset));
    settle(world);
    Count offers(world, What::offer_sent);
    for (NodeIndex i = 0; i < kNodes; ++i) world.submit(i, {.service = 30 * kSecond});
    world.run_for(60 * kSecond);
    CHECK(offers() == 0);
    check_all_done(world);
  }
}

TEST_CASE("equal overload moves nothing but where chance rules") {
  for (const std::string preset : {"sender", "receiver", "symmetric", "adaptive"}) {
    CAPTURE(preset);
    World world({.seed = 2});
    populate(world, kNodes, config_of(preset));
    settle(world);
    for (NodeIndex i = 0; i < kNodes; ++i) submit(world, i, 5, {.service = 30 * kSecond});
    world.run_for(20 * kSecond);
    CHECK(moves(world) == 0);
  }
}

TEST_CASE("under overload everywhere adaptive senders fall silent") {
  const auto sender_probes = [](const std::string& preset) {
    World world({.seed = 11});
    populate(world, kNodes, config_of(preset));
    settle(world);
    std::set<std::pair<NodeIndex, std::int64_t>> as_sender;
    std::uint64_t probes = 0;
    on_trace(world, What::search_started, [&](NodeIndex node, const core::Trace& trace) {
      if (core::Role{static_cast<std::uint8_t>(trace.b)} == core::Role::sender)
        as_sender.insert({node, trace.a});
    });
    on_trace(world, What::probe_sent, [&](NodeIndex node, const core::Trace& trace) {
      if (as_sender.contains({node, trace.a})) ++probes;
    });
    const auto overload = [&](core::Duration time) {
      const std::uint64_t before = probes;
      for (core::Duration t = 0; t < time; t += 500 * kMillisecond) {
        for (NodeIndex i = 0; i < kNodes; ++i) world.submit(i);
        world.run_for(500 * kMillisecond);
      }
      return probes - before;
    };
    overload(30 * kSecond);
    return overload(30 * kSecond);
  };
  const std::uint64_t adaptive = sender_probes("adaptive");
  const std::uint64_t sender = sender_probes("sender");
  CHECK(sender >= 240);  // an arrival, or a try a second, has at least one probe
  CHECK(adaptive <= sender / 100);
}

TEST_CASE("pinned tasks stay") {
  for (const std::string& preset : policies::preset_names()) {
    CAPTURE(preset);
    World world({.seed = 4});
    populate(world, kNodes, config_of(preset));
    settle(world);
    submit(world, 1, 10, {.pinned = true});
    REQUIRE(world.reaches([&] { return all_ended(world); }, 60 * kSecond));
    check_all_done(world);
    CHECK(workers(world) == std::set<NodeIndex>{1});
  }
}

TEST_CASE("a full queue refuses, its user's tasks and others'") {
  World world({.seed = 6});
  core::Config config = config_of("random");
  config.limits.queue_length = 5;
  populate(world, 2, config);
  settle(world);
  Count refusals(world, What::limit_queue);
  submit(world, 0, 10, {.service = 20 * kSecond, .pinned = true});
  std::size_t accepted = 0;
  for (const sim::TaskHistory& task : world.history().tasks()) {
    if (task.accepted) ++accepted;
    if (!task.accepted) CHECK(task.refused == core::Veto::queue_full);
  }
  CHECK(accepted == 6);  // one runs, five wait
  CHECK(refusals() == 4);
  submit(world, 1, 4, {.service = 20 * kSecond});
  world.run_for(10 * kSecond);
  CHECK(world.core(0).counters().refusals_given[static_cast<std::size_t>(core::Veto::queue_full)] >
        0);
  for (const sim::TaskHistory& task : world.history().tasks())
    if (task.home == 1) CHECK(task.owner == 1);
}

TEST_CASE("memory pressure vetoes grants until it is over") {
  for (const std::string& preset : policies::preset_names()) {
    CAPTURE(preset);
    World world({.seed = 8});
    core::Config config = config_of(preset);
    config.load.min_memory_bytes = 100 << 20;
    populate(world, kNodes, config);
    settle(world);
    const core::LoadSampled plenty{.memory_available_bytes = 1 << 30,
                                   .disk_available_bytes = UINT64_MAX};
    core::LoadSampled little = plenty;
    little.memory_available_bytes = 50 << 20;
    world.sample(2, little);
    submit(world, 0, 20);
    world.run_for(4 * kSecond);
    CHECK_FALSE(workers(world).contains(2));
    world.sample(2, plenty);
    submit(world, 0, 20);
    REQUIRE(world.reaches([&] { return all_ended(world); }, 60 * kSecond));
    check_all_done(world);
    CHECK(workers(world).contains(2) == (preset != "none"));
  }
}

TEST_CASE("a task that needs more memory or disk than a board has does not go there") {
  World world({.seed = 8});
  populate(world, 2, config_of("symmetric"));
  settle(world);
  SECTION("memory") {
    world.sample(1, {.memory_available_bytes = 1 << 20, .disk_available_bytes = UINT64_MAX});
    submit(world, 0, 5, {.needs = {.memory_bytes = 2 << 20}});
  }
  SECTION("disk") {
    world.sample(1, {.memory_available_bytes = 1 << 30, .disk_available_bytes = 1 << 20});
    submit(world, 0, 5, {.needs = {.bundle_bytes = 2 << 20}});
  }
  REQUIRE(world.reaches([&] { return all_ended(world); }, 60 * kSecond));
  CHECK(workers(world) == std::set<NodeIndex>{0});
}

TEST_CASE("no task is offered before its minimum residence has passed") {
  for (const std::string preset : {"random", "sender", "receiver", "symmetric", "adaptive"}) {
    CAPTURE(preset);
    World world({.seed = 9});
    core::Config config = config_of(preset);
    config.limits.min_residence = 3 * kSecond;
    populate(world, kNodes, config);
    settle(world);
    std::map<std::uint64_t, core::Time> arrived;
    const auto arrives = [&](NodeIndex, const core::Trace& trace) {
      arrived[trace.task.serial] = world.now();
    };
    std::uint64_t offers = 0;
    on_trace(world, What::task_submitted, arrives);
    on_trace(world, What::arrived, arrives);
    on_trace(world, What::offer_sent, [&](NodeIndex, const core::Trace& trace) {
      ++offers;
      CHECK(world.now() - arrived.at(trace.task.serial) >= config.limits.min_residence);
    });
    submit(world, 0, kBurst);
    REQUIRE(world.reaches([&] { return all_ended(world); }, 60 * kSecond));
    CHECK(offers > 0);
    CHECK(moves(world) > 0);
    CHECK(world.core(0).counters()[What::limit_residence] > 0);
  }
}

TEST_CASE("without retries a search needs an arrival or a departure") {
  for (const std::string preset : {"random", "sender", "receiver", "symmetric", "adaptive"}) {
    CAPTURE(preset);
    World world({.seed = 10});
    core::Config config = config_of(preset);
    config.limits.search_retry = 0;
    populate(world, kNodes, config);
    settle(world);
    Count submissions(world, What::task_submitted);
    Count arrivals(world, What::arrived);
    Count ends(world, What::task_exited);
    std::uint64_t as_sender = 0, as_receiver = 0;
    on_trace(world, What::search_started, [&](NodeIndex, const core::Trace& trace) {
      const auto role = core::Role{static_cast<std::uint8_t>(trace.b)};
      ++(role == core::Role::sender ? as_sender : as_receiver);
    });
    for (int i = 0; i < 40; ++i) {
      world.submit(0);
      world.run_for(300 * kMillisecond);
    }
    REQUIRE(world.reaches([&] { return all_ended(world); }, 60 * kSecond));
    CHECK(as_sender + as_receiver > 0);
    CHECK(as_sender <= submissions() + arrivals());
    CHECK(as_receiver <= ends());
    const std::uint64_t before = as_sender + as_receiver;
    world.run_for(60 * kSecond);
    CHECK(as_sender + as_receiver == before);
  }
}

TEST_CASE("higher priorities start first, and low ones are not starved") {
  World world({.seed = 12});
  populate(world, 1, config_of("none"));
  world.run_for(kSecond);
  submit(world, 0, 5, {.needs = {.priority = -9}});
  // A steady flow of urgent ones that would take the whole board for ever.
  for (int i = 0; i < 400; ++i) {
    world.submit(0, {.needs = {.priority = 10}});
    world.run_for(kSecond);
  }
  for (std::uint64_t i = 0; i < 5; ++i) CHECK(world.history().tasks()[i].ends == 1);
  CHECK(world.history().tasks()[1].runs[0].started > 100 * kSecond);
}

TEST_CASE("a hop limit that is lowered during a search holds for it") {
  World world;
  core::Config config = config_of("sender");
  populate(world, 2, config);
  settle(world);
  world.submit(0, {.service = 20 * kSecond});
  world.pause(1);
  const core::TaskId task = world.submit(0);
  config.limits.moves_per_task = 0;
  world.reconfigure(0, config);
  world.resume(1);
  world.run_for(5 * kSecond);
  CHECK(world.history().of(task).moves == 0);
  CHECK(world.core(0).counters()[core::What::offer_sent] == 0);
}
