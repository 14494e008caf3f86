// Membership in virtual time: who learns of whom, who is buried and who is not.
#include <map>
#include <set>

#include "tests/sim/cluster.h"
#include "tests/sim/wire.h"

using namespace sim_test;
using core::MemberState;
using core::What;

namespace {

constexpr NodeIndex kNodes = 8;

// log10(8) < 1, so suspicion_min periods are the least and suspicion_min * suspicion_max the most
// that a suspicion lasts.
core::Duration suspicion_min(const core::MembershipConfig& config) {
  return config.suspicion_min * config.probe_interval;
}
core::Duration suspicion_max(const core::MembershipConfig& config) {
  return suspicion_min(config) * config.suspicion_max;
}

sim::WorldOptions options_of(std::uint64_t seed, std::uint32_t loss_thousandths = 0) {
  sim::WorldOptions options;
  options.seed = seed;
  options.link.loss_thousandths = loss_thousandths;
  return options;
}

// A full table, and a bounded view that has room for all of the eight.
core::Config config_of_view(std::uint32_t view) {
  core::Config config;
  config.membership.view = view;
  return config;
}

}  // namespace

TEST_CASE("eight peers with one seed address learn of each other in bounded time") {
  const std::uint32_t view = GENERATE(0u, 16u);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(view, seed);
    World world(options_of(seed));
    populate(world, kNodes, config_of_view(view));
    // Two probe periods: the join, and the news of the later ones on the pings.
    CHECK(world.reaches([&] { return all_alive(world); }, 3 * kSecond));
  }
}

TEST_CASE("peers learn of each other under loss") {
  const std::uint32_t view = GENERATE(0u, 16u);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(view, seed);
    World world(options_of(seed, 300));
    populate(world, kNodes, config_of_view(view));
    Count joins(world, What::peer_joined);
    CHECK(world.reaches([&] { return joins() == kNodes * (kNodes - 1); }, 30 * kSecond));
    // Some may be taken for dead meanwhile; not for good.
    world.run_for(60 * kSecond);
    world.network().change(sim::Link{});
    CHECK(world.reaches([&] { return all_alive(world); }, 60 * kSecond));
  }
}

TEST_CASE("a peer that stands still for a second is never declared dead") {
  const std::uint32_t view = GENERATE(0u, 16u);
  for (const std::uint32_t loss : {0u, 100u}) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
      CAPTURE(view, seed, loss);
      World world(options_of(seed, loss));
      populate(world, kNodes, config_of_view(view));
      settle(world);
      Count deaths(world, What::peer_dead);
      world.run_for(static_cast<core::Duration>(seed) * 37 * kMillisecond);
      world.pause(3);
      world.run_for(kSecond);
      world.resume(3);
      world.run_for(40 * kSecond);
      CHECK(deaths() == 0);
      CHECK(world.reaches([&] { return all_alive(world); }, 10 * kSecond));
    }
  }
}

TEST_CASE("boards that stall again and again are not declared dead") {
  const std::uint32_t view = GENERATE(0u, 16u);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(view, seed);
    World world(options_of(seed));
    populate(world, kNodes, config_of_view(view));
    settle(world);
    Count deaths(world, What::peer_dead);
    core::Rng rng(seed);
    for (int round = 0; round < 40; ++round) {
      const auto one = static_cast<NodeIndex>(rng.below(kNodes));
      const auto other = static_cast<NodeIndex>(rng.below(kNodes));
      world.pause(one);
      if (other != one) world.pause(other);
      world.run_for(kSecond);
      world.resume(one);
      world.resume(other);
      world.run_for(static_cast<core::Duration>(rng.below(1'000'000)));
    }
    CHECK(deaths() == 0);
  }
}

TEST_CASE("who wakes up buries nobody by what it missed") {
  const std::uint32_t view = GENERATE(0u, 16u);
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(view, seed);
    World world(options_of(seed));
    populate(world, kNodes, config_of_view(view));
    settle(world);
    Count deaths(world, What::peer_dead);
    Count suspicions(world, What::peer_suspected);
    world.pause(3);
    REQUIRE(world.reaches([&] { return suspicions() > 0; }, 20 * kSecond));
    // The suspicion is known to one or the other already; they sleep through the refutation.
    world.run_for(static_cast<core::Duration>(seed) * 20 * kMillisecond);
    for (const NodeIndex sleeper : {0u, 1u, 2u}) world.pause(sleeper);
    world.resume(3);
    world.run_for(static_cast<core::Duration>(seed) * 100 * kMillisecond);
    for (const NodeIndex sleeper : {0u, 1u, 2u}) world.resume(sleeper);
    world.run_for(30 * kSecond);
    CHECK(all_alive(world));
    CHECK(deaths() == 0);
  }
}

TEST_CASE("a crashed peer is declared dead by everybody, neither too early nor too late") {
  const std::uint32_t view = GENERATE(0u, 16u);
  const core::MembershipConfig config;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(view, seed);
    World world(options_of(seed));
    populate(world, kNodes, config_of_view(view));
    settle(world);
    world.run_for(5 * kSecond + static_cast<core::Duration>(seed) * 91 * kMillisecond);
    const core::Time crashed = world.now();
    world.crash(3);
    core::Time first = 0;
    on_trace(world, What::peer_dead, [&](NodeIndex, const core::Trace& trace) {
      CHECK(trace.peer == world.node(3).id);
      if (first == 0) first = world.now();
    });
    // Everybody pings the dead peer within 2 * (N - 1) - 1 periods of its round, stretched by what
    // its own local health adds for the failed probe; the first suspicion comes much sooner.
    const core::Duration bound = 2 * kNodes * config.probe_interval + suspicion_max(config);
    CHECK(world.reaches([&] { return all_see(world, 3, MemberState::dead); }, bound));
    CHECK(first - crashed >= suspicion_min(config));
    // With 7 to confirm, a suspicion comes down to its minimum: in practice about a third of that.
    CHECK(first - crashed <= suspicion_max(config));
    for (NodeIndex i = 0; i < kNodes; ++i)
      if (i != 3)
        for (NodeIndex j = 0; j < kNodes; ++j)
          if (j != i && j != 3) CHECK(sees(world, i, j, MemberState::alive));
  }
}

TEST_CASE("who leaves is known to have left within a second") {
  const std::uint32_t view = GENERATE(0u, 16u);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(view, seed);
    World world(options_of(seed));
    populate(world, kNodes, config_of_view(view));
    settle(world);
    Count deaths(world, What::peer_dead);
    world.drain(3);
    CHECK(world.reaches([&] { return world.node(3).drained; }, kSecond));
    CHECK(world.reaches([&] { return all_see(world, 3, MemberState::left); }, kSecond));
    world.run_for(60 * kSecond);
    CHECK(deaths() == 0);
    CHECK(all_see(world, 3, MemberState::left));
  }
}

TEST_CASE("a peer that comes back with a higher start count is alive everywhere") {
  const std::uint32_t view = GENERATE(0u, 16u);
  const bool known_dead = GENERATE(false, true);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(view, seed, known_dead);
    World world(options_of(seed));
    populate(world, kNodes, config_of_view(view));
    settle(world);
    world.crash(3);
    if (known_dead)
      REQUIRE(world.reaches([&] { return all_see(world, 3, MemberState::dead); }, 60 * kSecond));
    else
      world.run_for(2 * kSecond);
    world.restart(3);
    const auto back = [&] {
      for (NodeIndex i = 0; i < kNodes; ++i)
        if (i != 3 && core::start_count(seen(world, i, 3)->incarnation) != 2) return false;
      return all_alive(world);
    };
    CHECK(world.reaches(back, 10 * kSecond));
    Count deaths(world, What::peer_dead);
    world.run_for(60 * kSecond);
    CHECK(deaths() == 0);
    CHECK(all_alive(world));
  }
}

TEST_CASE("the seed itself restarts and finds the others again") {
  const std::uint32_t view = GENERATE(0u, 16u);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(view, seed);
    World world(options_of(seed));
    populate(world, kNodes, config_of_view(view));
    settle(world);
    world.crash(0);
    world.run_for(90 * kSecond);
    world.restart(0);
    CHECK(world.reaches([&] { return all_alive(world); }, 30 * kSecond));
  }
}

TEST_CASE("after a partition both sides find each other again") {
  const std::uint32_t view = GENERATE(0u, 16u);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(view, seed);
    World world(options_of(seed));
    populate(world, kNodes, config_of_view(view));
    settle(world);
    for (NodeIndex i = 4; i < kNodes; ++i) world.network().place(i, 1);
    world.network().split(0, 1);
    const auto parted = [&] {
      for (NodeIndex i = 0; i < 4; ++i)
        for (NodeIndex j = 4; j < kNodes; ++j)
          if (!sees(world, i, j, MemberState::dead) || !sees(world, j, i, MemberState::dead))
            return false;
      return true;
    };
    CHECK(world.reaches(parted, 120 * kSecond));
    world.network().heal();
    CHECK(world.reaches([&] { return all_alive(world); }, 60 * kSecond));
    world.run_for(30 * kSecond);
    CHECK(all_alive(world));
  }
}

TEST_CASE("a peer that is heard but cannot hear does not stay in limbo") {
  const std::uint32_t view = GENERATE(0u, 16u);
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(view, seed);
    World world(options_of(seed));
    populate(world, kNodes, config_of_view(view));
    settle(world);
    world.network().place(3, 1);
    world.network().block(0, 1);  // the others' words do not reach it
    world.run_for(120 * kSecond);
    world.network().heal();
    CHECK(world.reaches([&] { return all_alive(world); }, 60 * kSecond));
  }
}

TEST_CASE("a suspected peer refutes") {
  const std::uint32_t view = GENERATE(0u, 16u);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(view, seed);
    World world(options_of(seed));
    populate(world, kNodes, config_of_view(view));
    settle(world);
    Count deaths(world, What::peer_dead);
    Count suspicions(world, What::peer_suspected);
    const core::Incarnation before = seen(world, 0, 3)->incarnation;
    world.pause(3);
    REQUIRE(world.reaches([&] { return suspicions() > 0; }, 20 * kSecond));
    world.resume(3);
    const auto refuted = [&] {
      return all_see(world, 3, MemberState::alive) && seen(world, 0, 3)->incarnation > before;
    };
    CHECK(world.reaches(refuted, 10 * kSecond));
    CHECK(world.core(3).counters()[What::suspicion_refuted] > 0);
    CHECK(deaths() == 0);
  }
}

TEST_CASE("gossip keeps its limit, even when everything is news") {
  World world(options_of(1, 100));
  std::size_t most = 0;
  const auto look = [&](const std::vector<core::Member>& members) {
    most = std::max(most, members.size());
  };
  world.watch([&](const sim::StepTaken& step) {
    for (const core::Action& action : step.actions) {
      const auto* send = std::get_if<core::Send>(&action);
      if (send == nullptr) continue;
      if (const auto* ping = std::get_if<core::Ping>(&send->message)) look(ping->gossip);
      if (const auto* ack = std::get_if<core::Ack>(&send->message)) look(ack->gossip);
      if (const auto* request = std::get_if<core::PingRequest>(&send->message))
        look(request->gossip);
      if (const auto* news = std::get_if<core::News>(&send->message)) look(news->members);
    }
  });
  populate(world, 64, core::Config{});
  settle(world);
  for (NodeIndex i = 40; i < 64; ++i) world.crash(i);
  world.run_for(60 * kSecond);
  CHECK(most == core::kMaxMembersPerMessage);
  CHECK(world.history().violations() == std::vector<std::string>{});
}

TEST_CASE("messages per peer do not grow with the number of peers") {
  const auto per_peer_and_second = [](NodeIndex nodes) {
    World world(options_of(7));
    populate(world, nodes, core::Config{});
    settle(world);
    world.run_for(30 * kSecond);
    const std::uint64_t before = world.datagrams();
    world.run_for(100 * kSecond);
    return (world.datagrams() - before) / nodes;
  };
  const std::uint64_t few = per_peer_and_second(8);
  const std::uint64_t many = per_peer_and_second(64);
  CHECK(few >= 100);  // one ping in each period, in a hundred periods
  CHECK(few <= 300);
  CHECK(many <= few + few / 10);
}

TEST_CASE("two peers with one identity are told so") {
  World world(options_of(1));
  populate(world, 3, core::Config{});
  settle(world);
  std::set<NodeIndex> told;
  on_trace(world, What::identity_conflict,
           [&](NodeIndex node, const core::Trace&) { told.insert(node); });

  SECTION("the copy, if it was started as often") {
    const NodeIndex copy = world.add({.seeds = {0}, .id = world.node(2).id});
    CHECK(world.reaches([&] { return told.contains(copy); }, 5 * kSecond));
    CHECK(told.size() == 1);
  }
  SECTION("the original, if the copy was started more often") {
    const NodeIndex copy = world.add({.id = world.node(2).id});  // alone at first
    world.crash(copy);
    world.restart(copy, {0});
    CHECK(world.reaches([&] { return told.contains(2); }, 10 * kSecond));
    CHECK(told.size() == 1);
  }
}

TEST_CASE("a late datagram of an earlier life is no conflict") {
  auto options = options_of(1);
  options.link.reorder_thousandths = 500;
  options.link.reorder_delay = 5 * kSecond;
  World world(options);
  populate(world, 4, core::Config{});
  world.run_for(20 * kSecond);
  Count conflicts(world, What::identity_conflict);
  for (int life = 0; life < 5; ++life) {
    world.crash(2);
    world.restart(2);
    world.run_for(10 * kSecond);
  }
  CHECK(conflicts() == 0);
}

TEST_CASE("two peers that hold each other for outdated do not tell each other so for ever") {
  World world;
  populate(world, 3, core::Config{});
  settle(world);
  const auto slander = [&](NodeIndex about, NodeIndex to) {
    core::Member member = *seen(world, 2, about);
    member.incarnation = core::first_incarnation(1000);
    world.replay(2, to, core::News{{member}});
  };
  slander(0, 1);
  slander(1, 0);
  const std::uint64_t before = world.datagrams();
  world.run_for(5 * kSecond);
  // Each period costs every peer a few datagrams, and those to a peer that does not listen an
  // answer.
  CHECK(world.datagrams() - before < 200);
}

TEST_CASE("a restart that is heard of together with a suspicion is not missed") {
  World world;
  sim_test::Wire wire(world);
  populate(world, 3, config_of("random"));
  settle(world);
  world.submit(0, {.service = 60 * kSecond, .pinned = true});
  const core::TaskId task = world.submit(0, {.service = 60 * kSecond});
  REQUIRE(world.reaches([&] { return world.history().of(task).running(); }, 10 * kSecond));
  const NodeIndex owner = world.history().of(task).owner;
  REQUIRE(owner != 0);
  const NodeIndex other = 3 - owner;
  wire.lose([&](const sim_test::Wire::Sent& sent) { return sent.from == owner && sent.to == 0; });
  world.crash(owner);
  world.restart(owner);
  core::Member suspect = *seen(world, 0, owner);
  suspect.state = MemberState::suspect;
  suspect.incarnation = core::first_incarnation(2);
  suspect.accuser = world.node(other).id;
  world.replay(other, 0, core::News{{suspect}});
  world.run_for(kMillisecond);
  wire.lose_nothing();
  // Asked whether it still has the task, the new life knows nothing of it.
  const auto is_lost = [&] { return world.core(0).record(task)->state == core::TaskState::lost; };
  CHECK(world.reaches(is_lost, 10 * kSecond));
}
