// random, threshold, receiver and symmetric, and the draw they share: one test per sentence.
#include <map>
#include <set>

#include "policies/draw.h"
#include "policies/factories.h"
#include "tests/catch.h"
#include "tests/policies/world.h"

namespace {

using core::Role;
using core::Veto;
using policies_test::peer;
using policies_test::Round;
using policies_test::World;
using policies_test::world_of;

bool anyone(core::PeerId) {
  return true;
}

TEST_CASE("draw: every peer is as likely as every other") {
  const World world = world_of(10, 3);
  core::Rng rng(1);
  std::map<core::PeerId, int> count;
  for (int i = 0; i < 10'000; ++i) ++count[*policies::draw(world.view(), {}, rng, anyone)];
  REQUIRE(count.size() == 10);
  for (const auto& [id, times] : count) {
    CHECK(times > 850);
    CHECK(times < 1150);
  }
}

TEST_CASE("draw: the last peers left among many are found, each as likely") {
  const World world = world_of(4096, 64);
  core::Rng rng(2);
  const auto left = [](core::PeerId id) { return value(id) == 77 || value(id) == 4000; };
  std::map<core::PeerId, int> count;
  for (int i = 0; i < 1000; ++i) ++count[*policies::draw(world.view(), {}, rng, left)];
  REQUIRE(count.size() == 2);
  CHECK(count[peer(77)] > 400);
  CHECK(count[peer(4000)] > 400);
}

TEST_CASE("draw: nobody is drawn who was asked in this search") {
  const World world = world_of(5, 5);
  core::Rng rng(3);
  core::Search search;
  std::set<core::PeerId> drawn;
  for (int i = 0; i < 5; ++i) {
    const auto id = policies::draw(world.view(), search, rng, anyone);
    REQUIRE(id);
    search.probed.push_back({.peer = *id});
    drawn.insert(*id);
  }
  CHECK(drawn.size() == 5);
  CHECK(policies::draw(world.view(), search, rng, anyone) == std::nullopt);
}

TEST_CASE("draw: nobody is drawn where nobody is") {
  core::Rng rng(4);
  CHECK(policies::draw(World{}.view(), {}, rng, anyone) == std::nullopt);
}

TEST_CASE("random: a sender chooses a random peer without a probe") {
  const World world = world_of(4, 3);
  const auto policy = policies::random_location({});
  core::Rng rng(1);
  std::set<core::PeerId> chosen;
  for (int i = 0; i < 100; ++i) {
    Round round(world, *policy, Role::sender, rng);
    chosen.insert(round.chooses());
  }
  CHECK(chosen.size() == 4);
}

TEST_CASE("random: after a refusal another peer, no more often than there are probes") {
  const World world = world_of(4, 3);
  const auto policy = policies::random_location({});
  core::Rng rng(1);
  Round round(world, *policy, Role::sender, rng);
  std::set<core::PeerId> chosen;
  for (int i = 0; i < 3; ++i) {
    chosen.insert(round.chooses());
    round.refuses();
  }
  CHECK(chosen.size() == 3);
  CHECK(round.gives_up());
}

TEST_CASE("random: works without probes") {
  const World world = world_of(4, 0);
  const auto policy = policies::random_location({});
  core::Rng rng(1);
  Round round(world, *policy, Role::sender, rng);
  round.chooses();
  round.refuses();
  CHECK(round.gives_up());
}

TEST_CASE("random: uses no knowledge") {
  World world = world_of(1, 3);
  world.max_age = core::kSecond;
  world.know(peer(1), 9000, Role::sender, 0);
  const auto policy = policies::random_location({});
  core::Rng rng(1);
  Round round(world, *policy, Role::sender, rng);
  CHECK(round.chooses() == peer(1));
}

TEST_CASE("random: does not act as a receiver, admits always") {
  World world = world_of(4, 3);
  const auto policy = policies::random_location({});
  core::Rng rng(1);
  Round round(world, *policy, Role::receiver, rng);
  CHECK(round.gives_up());
  CHECK(policy->initiates(Role::sender));
  CHECK_FALSE(policy->initiates(Role::receiver));
  CHECK(policy->admits(world.view(), 0));
}

// The threshold rule, wherever a policy has it.
void check_threshold_rule(core::LocationPolicy& policy) {
  World world = world_of(10, 3);
  core::Rng rng(7);
  Round round(world, policy, Role::sender, rng);
  REQUIRE(policy.initiates(Role::sender));

  SECTION("the first that answers that it is a receiver is chosen") {
    round.probes();
    round.answers(2000, Role::sender);
    const core::PeerId second = round.probes();
    round.answers(500, Role::receiver);
    CHECK(round.chooses() == second);
  }
  SECTION("neither a sender nor an ok peer will do, and the probe limit ends the round") {
    round.probes();
    round.answers(2000, Role::sender);
    round.probes();
    round.answers(1000, Role::ok);
    round.probes();
    round.answers(1000, Role::ok);
    CHECK(round.gives_up());
  }
  SECTION("a receiver that would refuse will not do") {
    round.probes();
    round.answers(0, Role::receiver, Veto::memory_pressure);
    const core::PeerId second = round.probes();
    round.answers(0, Role::receiver);
    CHECK(round.chooses() == second);
  }
  SECTION("a silent peer costs a probe") {
    round.probes();
    round.stays_silent();
    round.probes();
    round.stays_silent();
    round.probes();
    round.stays_silent();
    CHECK(round.gives_up());
  }
  SECTION("after a refusal the probing goes on") {
    const core::PeerId first = round.probes();
    round.answers(0, Role::receiver);
    CHECK(round.chooses() == first);
    round.refuses();
    const core::PeerId second = round.probes();
    round.answers(0, Role::receiver);
    CHECK(round.chooses() == second);
  }
  SECTION("a refusal after the last probe ends the round") {
    world.limits.probe_limit = 1;
    Round short_round(world, policy, Role::sender, rng);
    const core::PeerId first = short_round.probes();
    short_round.answers(0, Role::receiver);
    CHECK(short_round.chooses() == first);
    short_round.refuses();
    CHECK(short_round.gives_up());
  }
  SECTION("a receiver that has gone since is not chosen") {
    const core::PeerId first = round.probes();
    round.answers(0, Role::receiver);
    world.remove_peer(first);
    CHECK(round.probes() != first);
  }
  SECTION("when all have been asked the round ends") {
    world.peers.resize(1);
    CHECK(round.probes() == peer(1));
    round.answers(2000, Role::sender);
    CHECK(round.gives_up());
  }
  SECTION("it admits a task as a receiver alone") {
    world.role = Role::receiver;
    CHECK(policy.admits(world.view(), 9000));
    world.role = Role::ok;
    CHECK_FALSE(policy.admits(world.view(), 9000));
    world.role = Role::sender;
    CHECK_FALSE(policy.admits(world.view(), 9000));
  }
}

// The receiver rule, wherever a policy has it.
void check_receiver_rule(core::LocationPolicy& policy) {
  World world = world_of(10, 3);
  world.load = 0;
  world.role = Role::receiver;
  core::Rng rng(7);
  Round round(world, policy, Role::receiver, rng);
  REQUIRE(policy.initiates(Role::receiver));

  SECTION("the first sender with a task that may move is chosen") {
    round.probes();
    round.answers(1000, Role::ok, Veto::none, 1);
    const core::PeerId second = round.probes();
    round.answers(2000, Role::sender, Veto::none, 1);
    CHECK(round.chooses() == second);
  }
  SECTION("a sender without a task that may move will not do") {
    round.probes();
    round.answers(2000, Role::sender, Veto::none, 0);
    const core::PeerId second = round.probes();
    round.answers(2000, Role::sender, Veto::none, 3);
    CHECK(round.chooses() == second);
  }
  SECTION("a sender that would decline will not do") {
    round.probes();
    round.answers(2000, Role::sender, Veto::transfers_full, 3);
    round.probes();
  }
  SECTION("silence, receivers and the probe limit end the round") {
    round.probes();
    round.stays_silent();
    round.probes();
    round.answers(0, Role::receiver);
    round.probes();
    round.stays_silent();
    CHECK(round.gives_up());
  }
  SECTION("after a decline the asking goes on") {
    const core::PeerId first = round.probes();
    round.answers(2000, Role::sender, Veto::none, 1);
    CHECK(round.chooses() == first);
    round.refuses();
    CHECK(round.probes() != first);
  }
}

TEST_CASE("threshold: the threshold rule as a sender") {
  check_threshold_rule(*policies::threshold_location({}));
}

TEST_CASE("threshold: does not act as a receiver") {
  const World world = world_of(4, 3);
  const auto policy = policies::threshold_location({});
  core::Rng rng(1);
  CHECK_FALSE(policy->initiates(Role::receiver));
  CHECK(Round(world, *policy, Role::receiver, rng).gives_up());
}

TEST_CASE("receiver: the receiver rule as a receiver") {
  check_receiver_rule(*policies::receiver_location({}));
}

TEST_CASE("receiver: does not act as a sender, admits as a receiver alone") {
  World world = world_of(4, 3);
  const auto policy = policies::receiver_location({});
  core::Rng rng(1);
  CHECK_FALSE(policy->initiates(Role::sender));
  CHECK(Round(world, *policy, Role::sender, rng).gives_up());
  world.role = Role::receiver;
  CHECK(policy->admits(world.view(), 0));
  world.role = Role::ok;
  CHECK_FALSE(policy->admits(world.view(), 0));
}

TEST_CASE("symmetric: the threshold rule as a sender") {
  check_threshold_rule(*policies::symmetric_location({}));
}

TEST_CASE("symmetric: the receiver rule as a receiver") {
  check_receiver_rule(*policies::symmetric_location({}));
}

TEST_CASE("knowledge prunes: whoever is known not to have the wanted role is not probed") {
  World world = world_of(20, 20);
  world.max_age = core::kSecond;
  for (std::uint64_t number = 1; number <= 20; ++number) {
    world.know(peer(number), 1000, Role::ok, core::kSecond);
  }
  world.know(peer(5), 0, Role::receiver, core::kSecond);
  world.know(peer(6), 0, Role::sender, core::kSecond);
  world.know(peer(7), 0, Role::ok, core::kSecond + 1);  // too old to be used
  const auto policy = policies::symmetric_location({});
  core::Rng rng(1);

  SECTION("as a sender") {
    Round round(world, *policy, Role::sender, rng);
    std::set<core::PeerId> probed{round.probes()};
    round.stays_silent();
    probed.insert(round.probes());
    round.stays_silent();
    CHECK(probed == std::set{peer(5), peer(7)});
    CHECK(round.gives_up());
  }
  SECTION("as a receiver") {
    Round round(world, *policy, Role::receiver, rng);
    std::set<core::PeerId> probed{round.probes()};
    round.stays_silent();
    probed.insert(round.probes());
    round.stays_silent();
    CHECK(probed == std::set{peer(6), peer(7)});
    CHECK(round.gives_up());
  }
  SECTION("the probe still decides") {
    Round round(world, *policy, Role::sender, rng);
    round.probes();
    round.answers(3000, Role::sender);
    round.probes();
    round.answers(3000, Role::sender);
    CHECK(round.gives_up());
  }
  SECTION("not when the information policy has no use for it") {
    world.max_age = 0;
    Round round(world, *policy, Role::sender, rng);
    for (int i = 0; i < 20; ++i) {
      round.probes();
      round.stays_silent();
    }
    CHECK(round.gives_up());
  }
}

}  // namespace
