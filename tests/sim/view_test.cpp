// Bounded views in virtual time: are they random samples, do they hang together, do they heal, and
// does business go on with peers outside them?
#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "tests/sim/cluster.h"

using namespace sim_test;
using core::MemberState;
using core::What;

namespace {

core::Config config_of_view(std::uint32_t view, const std::string& preset = "none") {
  core::Config config = config_of(preset);
  config.membership.view = view;
  return config;
}

sim::WorldOptions options_of(std::uint64_t seed) {
  sim::WorldOptions options;
  options.seed = seed;
  options.share_counters = true;
  return options;
}

// All started at once, each knowing so many random others.
void populate_knowing(World& world, NodeIndex count, const core::Config& config) {
  for (NodeIndex i = 0; i < count; ++i) world.add({.config = config});
  world.acquaint(config.membership.view);
}

bool is_up(const World& world, NodeIndex node) {
  return world.node(node).state == sim::VirtualNode::State::up;
}

std::vector<NodeIndex> view_of(const World& world, NodeIndex node) {
  std::vector<NodeIndex> view;
  if (!is_up(world, node)) return view;
  for (const core::PeerStatus& peer : world.core(node).peers())
    if (core::is_live(peer.member.state)) view.push_back(world.index_of(peer.member.endpoint));
  return view;
}

// Of all that are up: how many from the first one's view on, in either direction.
std::size_t connected(const World& world) {
  std::vector<std::vector<NodeIndex>> links(world.size());
  NodeIndex first = world.size();
  for (NodeIndex i = 0; i < world.size(); ++i) {
    if (!is_up(world, i)) continue;
    first = std::min(first, i);
    for (const NodeIndex peer : view_of(world, i)) {
      if (!is_up(world, peer)) continue;
      links[i].push_back(peer);
      links[peer].push_back(i);
    }
  }
  std::set<NodeIndex> seen{first};
  std::vector<NodeIndex> open{first};
  while (!open.empty()) {
    const NodeIndex node = open.back();
    open.pop_back();
    for (const NodeIndex next : links[node])
      if (seen.insert(next).second) open.push_back(next);
  }
  return seen.size();
}

std::vector<std::uint64_t> in_degrees(const World& world) {
  std::vector<std::uint64_t> degrees(world.size());
  for (NodeIndex i = 0; i < world.size(); ++i)
    for (const NodeIndex peer : view_of(world, i)) ++degrees[peer];
  return degrees;
}

std::uint64_t dead_thousandths(const World& world) {
  std::uint64_t dead = 0;
  std::uint64_t all = 0;
  for (NodeIndex i = 0; i < world.size(); ++i) {
    if (!is_up(world, i)) continue;
    for (const NodeIndex peer : view_of(world, i)) {
      ++all;
      if (!is_up(world, peer)) ++dead;
    }
  }
  return dead * 1000 / all;
}

// 30 % of all, drawn at random.
void kill_some(World& world) {
  core::Rng rng(5);
  for (NodeIndex dead = 0; dead < world.size() * 3 / 10;) {
    const auto victim = static_cast<NodeIndex>(rng.below(world.size()));
    if (!is_up(world, victim)) continue;
    world.crash(victim);
    ++dead;
  }
}

}  // namespace

TEST_CASE("views are filled, without oneself, never above their bound") {
  constexpr std::uint32_t kView = 16;
  World world(options_of(1));
  populate_knowing(world, 200, config_of_view(kView));
  for (int second = 0; second < 60; ++second) {
    world.run_for(kSecond);
    for (NodeIndex i = 0; i < world.size(); ++i) {
      const auto view = view_of(world, i);
      CHECK(view.size() == kView);
      CHECK(std::find(view.begin(), view.end(), i) == view.end());
    }
  }
}

// In a random graph in-degrees spread as a binomial distribution does, with variance 16 * (1 -
// 16/499); the index of dispersion times (N - 1) is then chi-square with N - 1 degrees of freedom.
// Cyclon does better: each exchange gives one link and takes one.
TEST_CASE("in-degrees are spread no wider than those of a random graph") {
  constexpr NodeIndex kPeers = 500;
  constexpr std::uint32_t kView = 16;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    CAPTURE(seed);
    World world(options_of(seed));
    populate_knowing(world, kPeers, config_of_view(kView));
    world.run_for(100 * kSecond);
    std::uint64_t squares = 0;
    for (const std::uint64_t degree : in_degrees(world)) {
      const std::uint64_t off = degree > kView ? degree - kView : kView - degree;
      squares += off * off;
    }
    // 499 degrees of freedom: mean 499, 1.64 standard deviations of 31.6 above it at 5 %.
    CHECK(squares / kView < 499 + 52);
    CHECK(squares / kView > 499 / 20);  // not frozen either: links do move
    CHECK(connected(world) == kPeers);
  }
}

TEST_CASE("whom a peer knows changes all the time, and in the long run it has known everybody") {
  constexpr NodeIndex kPeers = 100;
  World world(options_of(2));
  populate_knowing(world, kPeers, config_of_view(16));
  std::map<NodeIndex, std::uint32_t> seconds_known;
  for (int second = 0; second < 1000; ++second) {
    world.run_for(kSecond);
    for (const NodeIndex peer : view_of(world, 0)) ++seconds_known[peer];
  }
  // 16 of 99, a thousand times: 162 each on the average.
  CHECK(seconds_known.size() == kPeers - 1);
  for (const auto& [peer, seconds] : seconds_known) {
    CHECK(seconds > 50);
    CHECK(seconds < 350);
  }
}

TEST_CASE("peers that join through one seed find into the web") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    CAPTURE(seed);
    World world(options_of(seed));
    populate(world, 300, config_of_view(16));
    world.run_for(60 * kSecond);
    CHECK(connected(world) == world.size());
    const auto degrees = in_degrees(world);
    CHECK(*std::min_element(degrees.begin(), degrees.end()) > 0);
    CHECK(*std::max_element(degrees.begin(), degrees.end()) < 3 * 16);
    // A latecomer is known soon.
    const NodeIndex late = world.add({.config = config_of_view(16), .seeds = {7}});
    world.run_for(40 * kSecond);
    CHECK(view_of(world, late).size() == 16);
    CHECK(in_degrees(world)[late] >= 8);
  }
}

TEST_CASE("after 30 % of all have died at once the views are clean within 60 periods") {
  constexpr NodeIndex kPeers = 2000;
  World world(options_of(4));
  populate_knowing(world, kPeers, config_of_view(32));
  world.run_for(40 * kSecond);
  kill_some(world);
  CHECK(dead_thousandths(world) > 250);
  CHECK(world.reaches([&] { return dead_thousandths(world) < 10; }, 60 * kSecond, kSecond));
  CHECK(connected(world) == kPeers * 7 / 10);
}

TEST_CASE("with views, too, messages and memory of a peer do not grow with the number of peers") {
  const auto per_peer_and_hundred_seconds = [](NodeIndex peers) {
    World world(options_of(7));
    populate_knowing(world, peers, config_of_view(16));
    world.run_for(30 * kSecond);
    const std::uint64_t before = world.datagrams();
    world.run_for(100 * kSecond);
    for (NodeIndex i = 0; i < peers; ++i) CHECK(world.core(i).peers().size() <= 16 + 16);
    return (world.datagrams() - before) / peers;
  };
  const std::uint64_t few = per_peer_and_hundred_seconds(50);
  const std::uint64_t many = per_peer_and_hundred_seconds(500);
  CHECK(few >= 380);  // an exchange and a ping in each period, and their answers
  CHECK(few <= 420);
  CHECK(many <= few + few / 20);
}

TEST_CASE("no living peer is taken for dead, and nobody dead comes back") {
  World world(options_of(9));
  populate_knowing(world, 200, config_of_view(16));
  Count deaths(world, What::peer_dead);
  world.run_for(60 * kSecond);
  CHECK(deaths() == 0);
  world.crash(3);
  world.run_for(90 * kSecond);
  for (NodeIndex i = 0; i < world.size(); ++i)
    if (i != 3) CHECK_FALSE(sees(world, i, 3, MemberState::alive));
  CHECK(deaths() > 0);
  Count returns(world, What::peer_returned);
  world.run_for(300 * kSecond);
  CHECK(returns() == 0);
  CHECK(in_degrees(world)[3] == 0);
}

TEST_CASE("the halves of a parted web find each other again") {
  World world(options_of(11));
  constexpr NodeIndex kPeers = 100;
  populate_knowing(world, kPeers, config_of_view(16));
  world.run_for(30 * kSecond);
  for (NodeIndex i = kPeers / 2; i < kPeers; ++i) world.network().place(i, 1);
  world.network().split(0, 1);
  world.run_for(300 * kSecond);
  CHECK(connected(world) == kPeers / 2);
  world.network().heal();
  CHECK(world.reaches([&] { return connected(world) == kPeers; }, 60 * kSecond, kSecond));
  world.run_for(120 * kSecond);
  const auto degrees = in_degrees(world);
  CHECK(*std::min_element(degrees.begin(), degrees.end()) > 3);
  // Each half knows the other as well as itself by now.
  std::uint64_t across = 0;
  for (NodeIndex i = 0; i < kPeers / 2; ++i)
    for (const NodeIndex peer : view_of(world, i)) across += peer >= kPeers / 2 ? 1 : 0;
  CHECK(across > kPeers / 2 * 16 / 3);
}

TEST_CASE("tasks end where nobody knows everybody") {
  const std::string preset = GENERATE("random", "sender", "receiver", "symmetric", "adaptive",
                                      "push", "pull", "late_binding", "best");
  for (const std::uint32_t loss : {0u, 100u}) {
    CAPTURE(preset, loss);
    auto options = options_of(3);
    options.link.loss_thousandths = loss;
    World world(options);
    populate_knowing(world, 150, config_of_view(8, preset));
    core::Rng rng(17);
    for (int i = 0; i < 400; ++i) {
      const auto home = static_cast<NodeIndex>(rng.below(10));  // all work at a few peers
      world.submit(home, {.service = static_cast<core::Duration>(rng.below(20'000'000))});
      world.run_for(100 * kMillisecond);
    }
    CHECK(world.reaches([&] { return all_ended(world); }, 3600 * kSecond, kSecond));
    CHECK(world.reaches([&] { return leftovers(world).empty(); }, 60 * kSecond, kSecond));
    check_all_done(world);
    std::uint32_t moves = 0;
    for (const sim::TaskHistory& task : world.history().tasks()) moves += task.moves;
    CHECK(moves > 50);
  }
}

// Whoever is asked is in the view of whoever asks; the other way round hardly ever.
TEST_CASE("wishes of peers outside the view come true, and are forgotten with them") {
  const std::string preset = GENERATE("late_binding", "best");
  CAPTURE(preset);
  World world(options_of(6));
  populate_knowing(world, 100, config_of_view(8, preset));
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  on_trace(world, What::wish_used, [&](NodeIndex node, const core::Trace& trace) {
    bool in_view = false;
    for (const core::PeerStatus& peer : world.core(node).peers())
      in_view = in_view || peer.member.id == trace.peer;
    ++(in_view ? inside : outside);
  });
  core::Rng rng(23);
  for (int i = 0; i < 2000; ++i) {
    const auto home = static_cast<NodeIndex>(rng.below(world.size()));
    world.submit(home, {.service = static_cast<core::Duration>(rng.below(2'000'000))});
    world.run_for(11 * kMillisecond);
  }
  CHECK(world.reaches([&] { return all_ended(world); }, 600 * kSecond, kSecond));
  check_all_done(world);
  CAPTURE(inside, outside);
  CHECK(outside > 4 * inside);
  CHECK(outside > 200);
}

TEST_CASE("no more peers outside the view are known than have left a wish") {
  core::Config config = config_of_view(8, "best");
  config.limits.wishes = 5;
  World world(options_of(8));
  populate_knowing(world, 100, config);
  const auto known = [&](NodeIndex i) {
    std::size_t count = 0;
    for (NodeIndex j = 0; j < world.size(); ++j)
      if (i != j && world.core(i).endpoint(world.node(j).id)) ++count;
    return count;
  };
  // All but a few are idle, and park requests with others again and again.
  std::size_t most = 0;
  for (int second = 0; second < 100; ++second) {
    for (NodeIndex busy = 0; busy < 10; ++busy)
      if (second < 30) world.submit(busy, {.service = 3 * kSecond});
    world.run_for(kSecond);
    for (NodeIndex i = 20; i < world.size(); ++i) most = std::max(most, known(i));
  }
  CHECK(all_ended(world));
  CHECK(most > 8);
  CHECK(most <= 8 + 5 + 4);  // and those that it has just searched among, or worked for
}

TEST_CASE("with views, too, all know who takes no tasks, and who takes them again") {
  World world(options_of(1));
  // They probe each other all the time: messages that carry an incarnation, and no news.
  core::Config config = config_of_view(8, "pull");
  config.limits.search_retry = 50 * kMillisecond;
  for (NodeIndex i = 0; i < 4; ++i) world.add({.config = config, .seeds = {0}});
  settle(world);
  const auto seen_as_draining = [&] {
    std::size_t count = 0;
    for (const NodeIndex node : {0u, 2u, 3u}) {
      const auto member = seen(world, node, 1);
      count += member && core::is_live(member->state) && member->draining ? 1 : 0;
    }
    return count;
  };
  world.evacuate(1);
  CHECK(world.reaches([&] { return seen_as_draining() == 3; }, 20 * kSecond));
  world.evacuate(1, false);
  CHECK(world.reaches([&] { return seen_as_draining() == 0; }, 20 * kSecond));
  // One that leaves in order and comes back.
  world.drain(1);
  REQUIRE(world.node(1).drained);
  world.run_for(kSecond);
  world.restart(1);
  world.run_for(10 * kSecond);
  CHECK(all_see(world, 1, MemberState::alive));
  CHECK(seen_as_draining() == 0);
}

TEST_CASE("the home node mourns an owner that has left its view") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    World world(options_of(seed));
    populate_knowing(world, 200, config_of_view(8, "sender"));
    // Long tasks: by the time the owners die, views have been renewed many times over.
    for (int i = 0; i < 6; ++i) world.submit(0, {.service = 10'000 * kSecond});
    world.run_for(200 * kSecond);
    std::set<NodeIndex> owners;
    for (const sim::TaskHistory& task : world.history().tasks())
      if (task.owner != 0) owners.insert(task.owner);
    REQUIRE(owners.size() >= 3);
    for (const NodeIndex owner : owners) CHECK(world.core(0).endpoint(world.node(owner).id));
    for (const NodeIndex owner : owners) world.crash(owner);
    const auto all_lost = [&] {
      for (const sim::TaskHistory& task : world.history().tasks()) {
        const core::HomeRecord* record = world.core(0).record(task.id);
        if (owners.contains(task.owner) && record->state != core::TaskState::lost) return false;
      }
      return true;
    };
    CHECK(world.reaches(all_lost, 60 * kSecond, kSecond));
    for (const sim::TaskHistory& task : world.history().tasks())
      if (task.owner == 0) CHECK(world.core(0).record(task.id)->state != core::TaskState::lost);
  }
}
