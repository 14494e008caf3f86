#include "core/wishes.h"

#include "tests/catch.h"

using core::PeerId;
using core::Role;
using core::Wish;
using core::Wishes;
using core::WishesLeft;

namespace {

constexpr PeerId kA{1}, kB{2}, kC{3};

std::vector<PeerId> peers(const Wishes& wishes) {
  std::vector<PeerId> peers;
  for (const Wish& wish : wishes.all()) peers.push_back(wish.peer);
  return peers;
}

}  // namespace

TEST_CASE("wishes stand in the order in which their tasks began to wait") {
  Wishes wishes;
  wishes.keep({kA, 1, Role::sender, 300, 300}, 8);
  wishes.keep({kB, 1, Role::sender, 100, 310}, 8);
  wishes.keep({kC, 1, Role::sender, 300, 320}, 8);
  CHECK(peers(wishes) == std::vector{kB, kA, kC});
}

TEST_CASE("beyond the limit the wish kept longest goes") {
  Wishes wishes;
  wishes.keep({kA, 1, Role::sender, 300, 300}, 2);
  wishes.keep({kB, 1, Role::sender, 100, 310}, 2);
  wishes.keep({kC, 1, Role::sender, 300, 320}, 2);
  CHECK(peers(wishes) == std::vector{kB, kC});
  wishes.keep({kA, 2, Role::sender, 300, 330}, 0);
  CHECK(wishes.all().size() == 2);
}

TEST_CASE("a doubled probe is one wish, two searches of a peer are two") {
  Wishes wishes;
  wishes.keep({kA, 1, Role::sender, 100, 100}, 8);
  wishes.keep({kA, 1, Role::sender, 100, 120}, 8);
  wishes.keep({kA, 2, Role::sender, 130, 130}, 8);
  CHECK(wishes.all().size() == 2);
  wishes.withdraw(kA, 1);
  REQUIRE(wishes.all().size() == 1);
  CHECK(wishes.all().front().search == 2);
  wishes.withdraw(kB, 2);
  CHECK(wishes.all().size() == 1);
}

TEST_CASE("a wish is taken once, in its role") {
  Wishes wishes;
  wishes.keep({kA, 1, Role::sender, 100, 100}, 8);
  CHECK_FALSE(wishes.take(kA, Role::receiver));
  CHECK(wishes.take(kA, Role::sender));
  CHECK_FALSE(wishes.take(kA, Role::sender));
}

TEST_CASE("wishes expire by when they were left, and go with their peer") {
  Wishes wishes;
  wishes.keep({kA, 1, Role::sender, 5, 100}, 8);
  wishes.keep({kB, 1, Role::sender, 4, 200}, 8);
  wishes.expire(100);
  CHECK(wishes.all().size() == 2);
  wishes.expire(101);
  CHECK(peers(wishes) == std::vector{kB});
  wishes.forget(kB);
  CHECK(wishes.all().empty());
}

TEST_CASE("what was left with others ends with its task, once, within a limit") {
  WishesLeft left;
  const core::TaskId task{kA, 7};
  CHECK(left.add(task, {kB, 1}));
  CHECK(left.add({}, {kC, 2}));
  CHECK(left.has(task));
  CHECK(left.end(task) == std::vector<WishesLeft::Left>{{kB, 1}});
  CHECK(left.end(task).empty());
  CHECK(left.has({}));
  for (std::size_t i = 0; i < WishesLeft::kMostPerTask; ++i)
    CHECK(left.add(task, {kB, static_cast<std::uint32_t>(i)}));
  CHECK_FALSE(left.add(task, {kB, 99}));
}
