#include "core/peer_table.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "core/by_id.h"
#include "core/rng.h"
#include "tests/catch.h"

namespace {

using core::MemberState;

core::PeerId peer(std::uint64_t number) {
  return core::PeerId{number};
}

core::Member member(std::uint64_t number, MemberState state = MemberState::alive,
                    bool draining = false) {
  core::Member member;
  member.id = peer(number);
  member.state = state;
  member.draining = draining;
  return member;
}

std::vector<std::uint64_t> eligible(const core::PeerTable& peers) {
  std::vector<std::uint64_t> numbers;
  for (const core::PeerInfo& info : peers.eligible()) numbers.push_back(core::value(info.id));
  return numbers;
}

using Numbers = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("peer table: those that may be asked, by id") {
  core::PeerTable peers;
  for (const std::uint64_t number : {7u, 2u, 9u, 4u}) peers.put(member(number));
  CHECK(eligible(peers) == Numbers{2, 4, 7, 9});
  peers.put(member(4, MemberState::suspect));
  CHECK(eligible(peers) == Numbers{2, 4, 7, 9});
  peers.put(member(4, MemberState::dead));
  peers.put(member(2, MemberState::left));
  peers.put(member(7, MemberState::alive, true));
  CHECK(eligible(peers) == Numbers{9});
  CHECK(peers.is_eligible(peer(9)));
  CHECK_FALSE(peers.is_eligible(peer(7)));
  CHECK_FALSE(peers.is_eligible(peer(8)));
  peers.put(member(4));
  CHECK(eligible(peers) == Numbers{4, 9});
}

TEST_CASE("peer table: live ones take part in membership, draining or not") {
  core::PeerTable peers;
  peers.put(member(1));
  peers.put(member(2, MemberState::suspect));
  peers.put(member(3, MemberState::dead));
  peers.put(member(4, MemberState::alive, true));
  CHECK(peers.live_count() == 3);
  peers.put(member(1, MemberState::dead));
  peers.put(member(1, MemberState::dead));
  CHECK(peers.live_count() == 2);
  peers.remove(peer(2));
  peers.remove(peer(2));
  peers.remove(peer(3));
  CHECK(peers.live_count() == 1);
  CHECK(peers.all().size() == 2);
  CHECK(peers.find(peer(2)) == nullptr);
}

TEST_CASE("peer table: a load is kept for eligible peers, and forgotten with their eligibility") {
  core::PeerTable peers;
  peers.put(member(1));
  peers.put(member(2, MemberState::dead));
  peers.learn(peer(1), 1500, core::Role::sender, 77);
  peers.learn(peer(2), 1500, core::Role::sender, 77);
  peers.learn(peer(3), 1500, core::Role::sender, 77);
  REQUIRE(eligible(peers) == Numbers{1});
  CHECK(peers.eligible()[0].load == 1500);
  CHECK(peers.eligible()[0].role == core::Role::sender);
  CHECK(peers.eligible()[0].known_at == 77);
  peers.put(member(1, MemberState::suspect));
  CHECK(peers.eligible()[0].known_at == 77);
  peers.put(member(1, MemberState::dead));
  peers.put(member(1));
  CHECK(peers.eligible()[0].known_at == -1);
  peers.put(member(2));
  CHECK(peers.eligible()[1].known_at == -1);
}

TEST_CASE("a peer is found by id, however the ids are spread") {
  const bool random = GENERATE(false, true);
  for (const std::size_t size : {0u, 1u, 2u, 7u, 64u, 1000u}) {
    CAPTURE(random, size);
    core::Rng rng(size);
    std::vector<core::Member> peers;
    for (std::size_t i = 0; i < size; ++i) peers.push_back(member(random ? rng.next() : 3 * i + 1));
    const auto less = [](const core::Member& a, const core::Member& b) { return a.id < b.id; };
    std::sort(peers.begin(), peers.end(), less);
    std::vector<core::Member> wanted = peers;
    for (int i = 0; i < 1000; ++i) wanted.push_back(member(random ? rng.next() : rng.below(3500)));
    wanted.push_back(member(UINT64_MAX));
    wanted.push_back(member(0));
    for (const core::Member& one : wanted)
      CHECK(core::lower_bound_by_id(peers, one.id) ==
            std::lower_bound(peers.begin(), peers.end(), one, less));
  }
}

TEST_CASE("peer table: contacts are found, but not listed with those that may be asked") {
  core::PeerTable peers;
  for (const std::uint64_t number : {1u, 2u, 3u}) peers.put(member(number));
  peers.retire(peer(2));
  CHECK(eligible(peers) == Numbers{1, 3});
  CHECK(peers.all().size() == 2);
  CHECK(peers.live_count() == 2);
  REQUIRE(peers.find(peer(2)) != nullptr);
  CHECK(peers.is_contact(peer(2)));
  CHECK(peers.is_eligible(peer(2)));
  REQUIRE(peers.eligible_contacts().size() == 1);
  CHECK(peers.eligible_contacts()[0].id == peer(2));
  peers.put(member(2, MemberState::dead));  // news of a contact leave it one
  CHECK(peers.is_contact(peer(2)));
  CHECK_FALSE(peers.is_eligible(peer(2)));
  CHECK(peers.eligible_contacts().empty());
  peers.put(member(2));
  CHECK(peers.eligible_contacts().size() == 1);
  peers.admit(peer(2));
  CHECK(eligible(peers) == Numbers{1, 2, 3});
  CHECK(peers.contacts().empty());
  CHECK(peers.eligible_contacts().empty());
  peers.put_contact(member(4));
  CHECK(peers.eligible_contacts().size() == 1);
  peers.remove(peer(4));
  CHECK(peers.eligible_contacts().empty());
  CHECK(peers.find(peer(4)) == nullptr);
  CHECK(peers.live_count() == 3);
}

TEST_CASE(
    "peer table: a newcomer that takes a peer's place: as if one had gone and the other come") {
  core::Rng rng(5);
  core::PeerTable at_once;
  core::PeerTable in_steps;
  for (std::uint64_t number = 10; number <= 300; number += 10) {
    const MemberState state = number % 70 == 0 ? MemberState::suspect : MemberState::alive;
    at_once.put(member(number, state, number % 50 == 0));
    in_steps.put(member(number, state, number % 50 == 0));
  }
  for (int step = 0; step < 500; ++step) {
    const auto& all = in_steps.all();
    const core::PeerId leaving = all[rng.below(all.size())].id;
    core::Member newcomer = member(1 + rng.below(1'000'000), MemberState::alive, step % 9 == 0);
    newcomer.name = std::string(rng.below(20), 'n');
    if (in_steps.find(newcomer.id) != nullptr) continue;
    in_steps.learn(leaving, step, core::Role::sender, step);
    at_once.learn(leaving, step, core::Role::sender, step);
    in_steps.retire(leaving);
    in_steps.put(newcomer);
    at_once.supplant(leaving, newcomer);
    REQUIRE(at_once.all() == in_steps.all());
    REQUIRE(at_once.contacts() == in_steps.contacts());
    REQUIRE(eligible(at_once) == eligible(in_steps));
    REQUIRE(at_once.eligible_contacts().size() == in_steps.eligible_contacts().size());
    REQUIRE(at_once.live_count() == in_steps.live_count());
    REQUIRE(std::all_of(at_once.eligible().begin(), at_once.eligible().end(),
                        [](const core::PeerInfo& info) { return info.known_at < 0; }));
    if (step % 3 != 0) continue;
    at_once.remove(leaving);
    in_steps.remove(leaving);
  }
}
