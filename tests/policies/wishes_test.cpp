// Late binding, parked requests and referrals, sentence by sentence.
#include <set>

#include "policies/registry.h"
#include "tests/catch.h"
#include "tests/policies/world.h"

using core::Role;
using core::Veto;
using policies_test::peer;
using policies_test::Round;
using policies_test::World;

namespace {

core::PolicySet policy(const std::string& name) {
  return policies::make_policies(policies::preset(name).value());
}

core::Wish wish(std::uint64_t number, Role role, core::Time since = 1) {
  return {peer(number), 1, role, since, since};
}

bool leaves_wish(const core::Step& step) {
  return std::get<core::ProbePeer>(step).leaves_wish;
}

}  // namespace

TEST_CASE("late binding and best: every probe of a sender leaves a wish, up to the limit") {
  for (const char* name : {"late_binding", "best"}) {
    const core::PolicySet set = policy(name);
    const World world = policies_test::world_of(10, 3);
    core::Rng rng(1);
    Round round(world, *set.location, Role::sender, rng);
    for (int i = 0; i < 3; ++i) {
      CHECK(leaves_wish(round.step()));
      round.answers(1000, Role::ok);
    }
    CHECK(round.gives_up());
  }
}

TEST_CASE("late binding and best: who has asked before is chosen before anybody is probed") {
  for (const char* name : {"late_binding", "best"}) {
    const core::PolicySet set = policy(name);
    World world = policies_test::world_of(10, 3);
    world.wishes = {wish(4, Role::sender), wish(99, Role::receiver), wish(5, Role::receiver, 2),
                    wish(6, Role::sender, 3)};
    core::Rng rng(1);
    Round sender(world, *set.location, Role::sender, rng);
    CHECK(sender.chooses() == peer(5));  // 99 is gone
    Round receiver(world, *set.location, Role::receiver, rng);
    CHECK(receiver.chooses() == peer(4));
    receiver.refuses();
    CHECK(receiver.chooses() == peer(6));
  }
}

TEST_CASE("late binding: a receiver asks nobody who has not asked it") {
  const core::PolicySet set = policy("late_binding");
  const World world = policies_test::world_of(10, 3);
  core::Rng rng(1);
  Round round(world, *set.location, Role::receiver, rng);
  CHECK(round.gives_up());
}

TEST_CASE("a referral is followed once, if its peer is there") {
  const core::PolicySet set = policy("late_binding");
  const World world = policies_test::world_of(10, 3);
  core::Rng rng(3);
  Round round(world, *set.location, Role::sender, rng);
  const core::PeerId first = round.probes();
  round.answers(1000, Role::ok);
  round.refers_to(peer(500));  // unknown here
  const core::PeerId second = round.probes();
  round.answers(1000, Role::ok);
  const core::PeerId other = first == peer(1) || second == peer(1) ? peer(2) : peer(1);
  if (other == first || other == second) return;
  round.refers_to(other);
  CHECK(round.chooses() == other);
  round.refuses();
  CHECK(std::holds_alternative<core::ProbePeer>(round.step()));
}

TEST_CASE("whoever is outside the view is chosen for a wish or a referral, never probed") {
  for (const char* name : {"late_binding", "best"}) {
    const core::PolicySet set = policy(name);
    World world = policies_test::world_of(2, 5);
    world.contacts = {{.id = peer(8)}, {.id = peer(9)}};
    core::Rng rng(3);
    Round round(world, *set.location, Role::sender, rng);
    round.probes();
    round.answers(1000, Role::ok);
    round.refers_to(peer(8));
    CHECK(round.chooses() == peer(8));
    round.refuses();
    round.probes();
    round.answers(1000, Role::ok);
    world.wishes = {wish(9, Role::receiver)};
    CHECK(round.chooses() == peer(9));
    round.refuses();
    CHECK(round.gives_up());  // three probes are left, and nobody to probe
  }
}

TEST_CASE("best: a receiver whose wishes still stand asks nobody again") {
  const core::PolicySet set = policy("best");
  World world = policies_test::world_of(10, 5);
  world.parked = true;
  core::Rng rng(1);
  Round round(world, *set.location, Role::receiver, rng);
  CHECK(round.gives_up());
}

TEST_CASE(
    "best: the budget goes to receivers where most are busy, to senders where most are idle") {
  const auto probes = [](core::LocationPolicy& location, Role as, Role answer) {
    const World world = policies_test::world_of(30, 6);
    core::Rng rng(1);
    Round round(world, location, as, rng);
    std::uint32_t count = 0;
    while (std::holds_alternative<core::ProbePeer>(round.step())) {
      ++count;
      round.answers(1000, answer, Veto::memory_pressure);
    }
    return count;
  };
  const core::PolicySet busy = policy("best"), idle = policy("best");
  for (int i = 0; i < 50; ++i) {
    probes(*busy.location, Role::sender, Role::ok);
    probes(*idle.location, Role::sender, Role::receiver);
  }
  CHECK(probes(*busy.location, Role::sender, Role::ok) == 3);
  CHECK(probes(*busy.location, Role::receiver, Role::ok) == 6);
  CHECK(probes(*idle.location, Role::sender, Role::receiver) == 6);
  CHECK(probes(*idle.location, Role::receiver, Role::receiver) == 0);
}

TEST_CASE("a slot is held for an older task of another where moving takes next to nothing") {
  for (const char* name : {"late_binding", "best"}) {
    const core::PolicySet set = policy(name);
    World world = policies_test::world_of(10, 3);
    core::Task& next = world.add_task(1);
    next.arrived = 50;
    world.wishes = {wish(99, Role::sender, 10), wish(3, Role::receiver, 20),
                    wish(4, Role::sender, 49)};
    world.run_time = 10 * core::kSecond;
    world.handoff_time = 10 * core::kMillisecond;
    CHECK(set.location->yields_to(world.view(), next) == peer(4));

    world.handoff_time = 11 * core::kMillisecond;
    CHECK_FALSE(set.location->yields_to(world.view(), next));
    world.handoff_time = -1;
    CHECK_FALSE(set.location->yields_to(world.view(), next));
    world.handoff_time = 0;
    next.arrived = 49;
    CHECK_FALSE(set.location->yields_to(world.view(), next));
  }
}

TEST_CASE("only late binding yields") {
  for (const char* name : {"random", "sender", "receiver", "symmetric", "adaptive"}) {
    const core::PolicySet set = policy(name);
    World world = policies_test::world_of(10, 3);
    world.wishes = {wish(4, Role::sender, 1)};
    world.run_time = core::kSecond;
    world.handoff_time = 0;
    CHECK_FALSE(set.location->yields_to(world.view(), world.add_task(1)));
  }
}
