// The textbook's rule, sentence by sentence.
#include <set>

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

struct Fixture {
  World world = world_of(10, 3);  // PL = 3
  std::unique_ptr<core::LocationPolicy> policy = policies::shortest_location({});
  core::Rng rng{11};

  Round round() { return Round(world, *policy, Role::sender, rng); }
  void own_queue(core::Load without_task) { world.load = without_task + world.task_load; }
};

core::PeerId probe(Round& round, core::Load load, Veto veto = Veto::none) {
  const core::PeerId id = round.probes();
  round.answers(load, load < 1000 ? Role::receiver : Role::sender, veto);
  return id;
}

TEST_CASE_METHOD(Fixture, "shortest: probes up to PL peers and takes the shortest") {
  own_queue(5000);
  Round search = round();
  probe(search, 3000);
  const core::PeerId second = probe(search, 1000);
  probe(search, 2000);
  CHECK(search.chooses() == second);
}

TEST_CASE_METHOD(Fixture, "shortest: among equals the first asked") {
  own_queue(5000);
  Round search = round();
  probe(search, 3000);
  const core::PeerId second = probe(search, 1000);
  probe(search, 1000);
  CHECK(search.chooses() == second);
}

TEST_CASE_METHOD(Fixture, "shortest: stops early at an idle peer, and at no other") {
  own_queue(5000);
  Round search = round();
  probe(search, 1);
  const core::PeerId second = probe(search, 0);
  CHECK(search.chooses() == second);
  CHECK(search.search().probes_left == 1);
}

TEST_CASE_METHOD(Fixture, "shortest: moves only if SQ > RQ") {
  world.limits.probe_limit = 1;
  own_queue(2000);
  SECTION("longer by the least") {
    Round search = round();
    const core::PeerId first = probe(search, 1999);
    CHECK(search.chooses() == first);
  }
  SECTION("equal") {
    Round search = round();
    probe(search, 2000);
    CHECK(search.gives_up());
  }
  SECTION("shorter") {
    Round search = round();
    probe(search, 2001);
    CHECK(search.gives_up());
  }
  SECTION("an idle peer is no better than no queue") {
    own_queue(0);
    Round search = round();
    probe(search, 0);
    CHECK(search.gives_up());
  }
}

TEST_CASE_METHOD(Fixture, "shortest: SQ is the own load without the task, by the board's weight") {
  world.limits.probe_limit = 1;
  world.load = 2000;
  world.task_load = 250;
  Round search = round();
  probe(search, 1750);
  CHECK(search.gives_up());
  Round other = round();
  const core::PeerId first = probe(other, 1749);
  CHECK(other.chooses() == first);
}

TEST_CASE_METHOD(Fixture, "shortest: whether the peer is a receiver does not matter") {
  own_queue(5000);
  Round search = round();
  for (int i = 0; i < 3; ++i) {
    search.probes();
    search.answers(4000, Role::sender);
  }
  search.chooses();
}

TEST_CASE_METHOD(Fixture, "shortest: a peer that would refuse is neither idle nor shortest") {
  own_queue(5000);
  Round search = round();
  probe(search, 0, Veto::memory_pressure);
  probe(search, 500, Veto::queue_full);
  const core::PeerId third = probe(search, 4000);
  CHECK(search.chooses() == third);
}

TEST_CASE_METHOD(Fixture, "shortest: a silent peer costs a probe and is not chosen") {
  own_queue(5000);
  Round search = round();
  search.probes();
  search.stays_silent();
  const core::PeerId second = probe(search, 3000);
  search.probes();
  search.stays_silent();
  CHECK(search.chooses() == second);
}

TEST_CASE_METHOD(Fixture, "shortest: nobody answers, nothing moves") {
  own_queue(5000);
  Round search = round();
  for (int i = 0; i < 3; ++i) {
    search.probes();
    search.stays_silent();
  }
  CHECK(search.gives_up());
}

TEST_CASE_METHOD(Fixture, "shortest: after a refusal probing goes on while probes are left") {
  own_queue(5000);
  Round search = round();
  const core::PeerId idle = probe(search, 0);
  CHECK(search.chooses() == idle);
  search.refuses();
  probe(search, 3000);
  const core::PeerId third = probe(search, 2000);
  CHECK(search.chooses() == third);
}

TEST_CASE_METHOD(Fixture, "shortest: after a refusal the next shortest, if it satisfies the rule") {
  own_queue(3000);
  Round search = round();
  const core::PeerId longest = probe(search, 3000);
  const core::PeerId middle = probe(search, 2000);
  const core::PeerId least = probe(search, 1000);
  CHECK(search.chooses() == least);
  search.refuses();
  CHECK(search.chooses() == middle);
  search.refuses();
  CHECK(longest != middle);
  CHECK(search.gives_up());
}

TEST_CASE_METHOD(Fixture, "shortest: a peer that has gone since is not chosen") {
  own_queue(5000);
  Round search = round();
  const core::PeerId first = probe(search, 2000);
  const core::PeerId second = probe(search, 1000);
  probe(search, 3000);
  world.remove_peer(second);
  CHECK(search.chooses() == first);
}

TEST_CASE_METHOD(Fixture, "shortest: fewer peers than probes") {
  world.peers.resize(2);
  own_queue(5000);
  Round search = round();
  const core::PeerId first = probe(search, 2000);
  probe(search, 3000);
  CHECK(search.chooses() == first);
}

TEST_CASE_METHOD(Fixture, "shortest: without probes or peers nothing moves") {
  SECTION("no probes") {
    world.limits.probe_limit = 0;
  }
  SECTION("no peers") {
    world.peers.clear();
  }
  CHECK(round().gives_up());
}

TEST_CASE_METHOD(Fixture, "shortest: a peer whose queue is known to be no shorter is not probed") {
  own_queue(2000);
  world.max_age = core::kSecond;
  for (std::uint64_t number = 1; number <= 10; ++number) {
    world.know(peer(number), 2000, Role::sender, core::kSecond);
  }
  world.know(peer(3), 1999, Role::sender, core::kSecond);
  world.know(peer(4), 9000, Role::sender, core::kSecond + 1);  // too old to be used
  Round search = round();
  std::set<core::PeerId> probed{probe(search, 1500)};
  probed.insert(probe(search, 1500));
  CHECK(probed == std::set{peer(3), peer(4)});
  search.chooses();
}

TEST_CASE_METHOD(Fixture, "shortest: knowledge does not choose, the answer does") {
  own_queue(2000);
  world.max_age = core::kSecond;
  world.limits.probe_limit = 10;
  for (std::uint64_t number = 1; number <= 10; ++number) {
    world.know(peer(number), 0, Role::receiver, 0);
  }
  Round search = round();
  for (int i = 0; i < 10; ++i) probe(search, 2000);
  CHECK(search.gives_up());
}

TEST_CASE_METHOD(Fixture, "shortest: does not act as a receiver") {
  CHECK(policy->initiates(Role::sender));
  CHECK_FALSE(policy->initiates(Role::receiver));
  CHECK(Round(world, *policy, Role::receiver, rng).gives_up());
}

TEST_CASE_METHOD(Fixture, "shortest: admits a task from a longer queue alone") {
  world.load = 2000;
  CHECK(policy->admits(world.view(), 2001));
  CHECK_FALSE(policy->admits(world.view(), 2000));
  CHECK_FALSE(policy->admits(world.view(), 1999));
}

}  // namespace
