// Shivaratri, Krueger and Singhal's algorithm: the lists, their order, and that they end the
// probing of senders at high load.
#include <memory>
#include <set>
#include <vector>

#include "policies/factories.h"
#include "policies/role_lists.h"
#include "tests/catch.h"
#include "tests/policies/world.h"

namespace {

using core::PeerId;
using core::Role;
using core::Veto;
using policies_test::kSelf;
using policies_test::peer;
using policies_test::Round;
using policies_test::World;
using policies_test::world_of;

struct Fixture {
  World world = world_of(4, 10);
  std::unique_ptr<core::LocationPolicy> policy = policies::adaptive_location({});
  core::Rng rng{5};

  Round round(Role role) { return Round(world, *policy, role, rng); }

  // Whom a search asks, in order, when nobody tells it anything: each answers as `shown`.
  std::vector<PeerId> asks(Role role, Role shown) {
    Round search = round(role);
    std::vector<PeerId> order;
    for (;;) {
      const core::Step step = search.step();
      if (!std::holds_alternative<core::ProbePeer>(step)) return order;
      order.push_back(std::get<core::ProbePeer>(step).peer);
      search.answers(1000, shown);
    }
  }

  void all_show(Role role) {
    for (const core::PeerInfo& info : world.peers) policy->learned(info.id, role);
  }
};

using Order = std::vector<PeerId>;

TEST_CASE_METHOD(Fixture, "adaptive: acts in both roles, admits as a receiver alone") {
  CHECK(policy->initiates(Role::sender));
  CHECK(policy->initiates(Role::receiver));
  CHECK_FALSE(policy->initiates(Role::ok));
  world.role = Role::receiver;
  CHECK(policy->admits(world.view(), 0));
  world.role = Role::ok;
  CHECK_FALSE(policy->admits(world.view(), 9000));
}

TEST_CASE_METHOD(Fixture, "adaptive: all peers start as receivers, so that a sender polls them") {
  const Order order = asks(Role::sender, Role::ok);
  CHECK(std::set(order.begin(), order.end()) == std::set{peer(1), peer(2), peer(3), peer(4)});
}

TEST_CASE_METHOD(Fixture, "adaptive: peers that nothing is known of are asked in no fixed order") {
  std::set<PeerId> first;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    policy = policies::adaptive_location({});
    rng = core::Rng(seed);
    first.insert(asks(Role::sender, Role::ok).front());
  }
  CHECK(first.size() == 4);
}

TEST_CASE_METHOD(Fixture, "adaptive: a sender polls the receivers list from its head") {
  policy->learned(peer(3), Role::receiver);
  policy->learned(peer(1), Role::receiver);
  policy->learned(peer(4), Role::receiver);
  // Peer 2 has not been heard of: it stands at the tail.
  CHECK(asks(Role::sender, Role::ok) == Order{peer(4), peer(1), peer(3), peer(2)});
}

TEST_CASE_METHOD(Fixture, "adaptive: a sender chooses the first that is still a receiver") {
  policy->learned(peer(3), Role::receiver);
  policy->learned(peer(1), Role::receiver);
  Round search = round(Role::sender);
  CHECK(search.probes() == peer(1));
  search.answers(1000, Role::ok);
  CHECK(search.probes() == peer(3));
  search.answers(0, Role::receiver);
  CHECK(search.chooses() == peer(3));
}

TEST_CASE_METHOD(Fixture, "adaptive: a sender polls no peer of the senders or the OK list") {
  policy->learned(peer(1), Role::sender);
  policy->learned(peer(2), Role::ok);
  policy->learned(peer(3), Role::receiver);
  policy->learned(peer(4), Role::sender);
  CHECK(asks(Role::sender, Role::ok) == Order{peer(3)});
}

TEST_CASE_METHOD(Fixture, "adaptive: the polling of a sender ends at the probe limit") {
  world.limits.probe_limit = 2;
  CHECK(asks(Role::sender, Role::sender).size() == 2);
}

TEST_CASE_METHOD(Fixture,
                 "adaptive: the polling of a sender ends when the receivers list is empty") {
  all_show(Role::receiver);
  CHECK(asks(Role::sender, Role::sender).size() == 4);
  CHECK(asks(Role::sender, Role::sender).empty());
}

TEST_CASE_METHOD(Fixture,
                 "adaptive: a receiver polls senders from the head, OK from the tail, "
                 "receivers from the tail") {
  for (std::uint64_t number = 5; number <= 10; ++number) world.add_peer(peer(number));
  policy->learned(peer(1), Role::sender);
  policy->learned(peer(2), Role::sender);
  policy->learned(peer(3), Role::sender);
  policy->learned(peer(4), Role::ok);
  policy->learned(peer(5), Role::ok);
  policy->learned(peer(6), Role::ok);
  policy->learned(peer(7), Role::receiver);
  policy->learned(peer(8), Role::receiver);
  policy->learned(peer(9), Role::receiver);
  // Peer 10 has not been heard of: it stands at the receivers list's tail.
  CHECK(asks(Role::receiver, Role::ok) == Order{peer(3), peer(2), peer(1), peer(4), peer(5),
                                                peer(6), peer(10), peer(7), peer(8), peer(9)});
}

TEST_CASE_METHOD(Fixture, "adaptive: a receiver chooses the first sender with a task to give") {
  policy->learned(peer(1), Role::sender);
  policy->learned(peer(2), Role::sender);
  policy->learned(peer(3), Role::sender);
  Round search = round(Role::receiver);
  CHECK(search.probes() == peer(3));
  search.answers(1000, Role::ok, Veto::none, 1);
  CHECK(search.probes() == peer(2));
  search.answers(2000, Role::sender, Veto::none, 0);
  CHECK(search.probes() == peer(1));
  search.answers(2000, Role::sender, Veto::none, 1);
  CHECK(search.chooses() == peer(1));
}

TEST_CASE_METHOD(Fixture,
                 "adaptive: a peer stands on one list alone, where it last showed itself") {
  all_show(Role::ok);
  policy->learned(peer(2), Role::receiver);
  CHECK(asks(Role::sender, Role::sender) == Order{peer(2)});
  policy->learned(peer(3), Role::receiver);
  policy->learned(peer(3), Role::ok);
  CHECK(asks(Role::sender, Role::sender).empty());
}

TEST_CASE_METHOD(Fixture, "adaptive: an answer puts the peer at the head of the list it showed") {
  all_show(Role::ok);
  policy->learned(peer(1), Role::sender);
  policy->learned(peer(2), Role::receiver);
  {
    Round search = round(Role::sender);
    CHECK(search.probes() == peer(2));
    search.answers(2000, Role::sender);
    CHECK(search.gives_up());
  }
  Round search = round(Role::receiver);
  CHECK(search.probes() == peer(2));  // newer news of a sender than peer 1
}

TEST_CASE_METHOD(Fixture, "adaptive: a peer that appears later is taken for a receiver") {
  all_show(Role::sender);
  CHECK(asks(Role::sender, Role::sender).empty());
  world.add_peer(peer(9));
  CHECK(asks(Role::sender, Role::sender) == Order{peer(9)});
}

TEST_CASE_METHOD(Fixture, "adaptive: a peer that is gone is forgotten, and new when it returns") {
  all_show(Role::sender);
  world.remove_peer(peer(2));
  CHECK(asks(Role::sender, Role::sender).empty());
  world.add_peer(peer(2));
  CHECK(asks(Role::sender, Role::sender) == Order{peer(2)});
}

TEST_CASE_METHOD(Fixture,
                 "adaptive: a silent peer is not polled by senders until it shows itself") {
  all_show(Role::sender);
  policy->learned(peer(2), Role::receiver);
  {
    Round search = round(Role::sender);
    CHECK(search.probes() == peer(2));
    search.stays_silent();
    CHECK(search.gives_up());
  }
  CHECK(asks(Role::sender, Role::sender).empty());
  policy->learned(peer(2), Role::receiver);
  CHECK(asks(Role::sender, Role::sender) == Order{peer(2)});
}

TEST_CASE_METHOD(Fixture,
                 "adaptive: a silent peer is the last of the OK list that receivers poll") {
  policy->learned(peer(3), Role::receiver);
  policy->learned(peer(1), Role::ok);
  policy->learned(peer(2), Role::ok);
  policy->learned(peer(4), Role::sender);
  world.limits.probe_limit = 2;
  {
    Round search = round(Role::receiver);
    CHECK(search.probes() == peer(4));
    search.stays_silent();
    CHECK(search.probes() == peer(1));
    search.stays_silent();
    CHECK(search.gives_up());
  }
  world.limits.probe_limit = 10;
  CHECK(asks(Role::receiver, Role::receiver) == Order{peer(2), peer(4), peer(1), peer(3)});
}

TEST_CASE_METHOD(Fixture, "adaptive: a receiver that would refuse is not the next search's first") {
  policy->learned(peer(1), Role::receiver);
  policy->learned(peer(2), Role::receiver);
  {
    Round search = round(Role::sender);
    CHECK(search.probes() == peer(2));
    search.answers(0, Role::receiver, Veto::memory_pressure);
    CHECK(search.probes() == peer(1));
    search.answers(0, Role::receiver);
    CHECK(search.chooses() == peer(1));
  }
  Round search = round(Role::sender);
  CHECK(search.probes() == peer(1));
  search.answers(1000, Role::ok);
  CHECK(search.probes() != peer(2));
}

TEST_CASE_METHOD(Fixture, "adaptive: after a refusal the polling goes on without that peer") {
  world.peers.resize(2);
  policy->learned(peer(1), Role::receiver);
  policy->learned(peer(2), Role::receiver);
  {
    Round search = round(Role::sender);
    CHECK(search.probes() == peer(2));
    search.answers(0, Role::receiver);
    CHECK(search.chooses() == peer(2));
    search.refuses();
    CHECK(search.probes() == peer(1));
    search.answers(1000, Role::ok);
    CHECK(search.gives_up());
  }
  CHECK(asks(Role::sender, Role::sender).empty());
}

TEST_CASE_METHOD(Fixture, "adaptive: a refusal that shows another role leaves the peer there") {
  world.peers.resize(2);
  policy->learned(peer(1), Role::sender);
  policy->learned(peer(2), Role::receiver);
  {
    Round search = round(Role::sender);
    CHECK(search.probes() == peer(2));
    search.answers(0, Role::receiver);
    CHECK(search.chooses() == peer(2));
    search.refuses();
    policy->learned(peer(2), Role::sender);
    CHECK(search.gives_up());
  }
  CHECK(asks(Role::receiver, Role::ok) == Order{peer(2), peer(1)});
}

TEST_CASE("adaptive: the probing of senders dies down when everybody is a sender") {
  constexpr std::uint64_t kPeers = 12;
  struct Board {
    World world;
    std::unique_ptr<core::LocationPolicy> policy = policies::adaptive_location({});
    core::Rng rng{0};
  };
  std::vector<Board> boards(kPeers);
  for (std::uint64_t own = 0; own < kPeers; ++own) {
    boards[own].world.limits.probe_limit = 3;
    boards[own].rng = core::Rng(own);
    for (std::uint64_t other = 0; other < kPeers; ++other) {
      if (other != own) boards[own].world.add_peer(peer(other + 1));
    }
  }
  // Each board searches once; everybody answers that it is a sender. Returns the probes sent.
  const auto everybody_searches = [&] {
    std::size_t probes = 0;
    for (std::uint64_t own = 0; own < kPeers; ++own) {
      Board& board = boards[own];
      Round search(board.world, *board.policy, Role::sender, board.rng);
      while (!search.gives_up()) {
        const PeerId asked = search.search().probed.back().peer;
        boards[value(asked) - 1].policy->learned(peer(own + 1), Role::sender);
        search.answers(3000, Role::sender);
        ++probes;
      }
    }
    return probes;
  };
  std::size_t total = everybody_searches();
  CHECK(total > 0);
  for (int i = 0; i < 10; ++i) total += everybody_searches();
  // Each pair learns of each other with one probe.
  CHECK(total == kPeers * (kPeers - 1) / 2);
  CHECK(everybody_searches() == 0);
}

TEST_CASE("adaptive: one receiver among senders is found by its own polling") {
  World world = world_of(6, 3);
  const auto policy = policies::adaptive_location({});
  core::Rng rng(1);
  for (const core::PeerInfo& info : world.peers) policy->learned(info.id, Role::sender);
  REQUIRE(Round(world, *policy, Role::sender, rng).gives_up());
  policy->learned(peer(4), Role::receiver);  // it asked for a task
  Round search(world, *policy, Role::sender, rng);
  CHECK(search.probes() == peer(4));
}

TEST_CASE("role lists: strangers do not make them grow without bound") {
  policies::RoleLists lists;
  for (std::uint64_t number = 1; number <= 3 * policies::RoleLists::kMaxPeers; ++number) {
    lists.put(peer(number), Role::sender);
  }
  CHECK(lists.size() == policies::RoleLists::kMaxPeers);
  CHECK(lists.list(Role::sender).size() == policies::RoleLists::kMaxPeers);
  lists.put(peer(1), Role::ok);  // who is remembered can still move
  CHECK(lists.shows(peer(1), Role::ok));
  CHECK(lists.list(Role::sender).size() == policies::RoleLists::kMaxPeers - 1);

  const std::vector<core::PeerInfo> peers = {{.id = peer(1)}, {.id = kSelf}};
  const std::vector<core::PeerInfo> contacts = {{.id = peer(3)}};
  lists.keep_only(peers, contacts);
  CHECK(lists.size() == 2);
  CHECK(lists.list(Role::sender).size() == 1);
  CHECK(lists.list(Role::ok).size() == 1);
  CHECK(lists.knows(peer(3)));
  CHECK_FALSE(lists.knows(peer(2)));
  CHECK_FALSE(lists.knows(kSelf));
  lists.keep_only({}, {});
  CHECK(lists.size() == 0);
  CHECK(lists.list(Role::sender).empty());
}

TEST_CASE("role lists: the newest of all lists") {
  policies::RoleLists lists;
  lists.put(peer(1), Role::sender);
  lists.put(peer(2), Role::ok);
  lists.put(peer(3), Role::receiver);
  lists.put(peer(2), Role::sender);
  const auto newest = [&](std::size_t most) {
    Order peers;
    lists.newest(most, peers);
    return peers;
  };
  CHECK(newest(2) == Order{peer(2), peer(3)});
  CHECK(newest(9) == Order{peer(2), peer(3), peer(1)});
  CHECK(newest(0).empty());
}

TEST_CASE_METHOD(Fixture, "adaptive: who is outside the view and asked is asked in turn") {
  world.contacts = {{.id = peer(8)}, {.id = peer(9)}};
  policy->learned(peer(9), Role::receiver);
  CHECK(round(Role::sender).probes() == peer(9));
  world.contacts.clear();
  CHECK(round(Role::sender).probes() != peer(9));
  for (std::uint64_t number = 1; number <= 1000; ++number)
    policy->learned(peer(number), Role::receiver);
  Order kept;
  policy->acquaintances(kept);
  CHECK(kept.front() == peer(1000));
  CHECK(kept.size() <= 64);
}

}  // namespace
