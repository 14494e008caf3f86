// How a bounded view heals: N peers, of which 30 % die at once.
//
//   healing NODES VIEW SECONDS
//
// Lets the views mix for a minute, kills, then prints a line for each second: seconds since, and
// the dead share in the views of the living in thousandths. First a line on the views before:
// smallest, mean and largest in-degree, and datagrams per peer and second.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/rng.h"
#include "sim/world.h"

namespace {

constexpr core::Duration kMixing = 60 * core::kSecond;

bool is_up(const sim::World& world, sim::NodeIndex node) {
  return world.node(node).state == sim::VirtualNode::State::up;
}

// In the views of the living: calls back with each entry's node.
template <typename Visit>
void for_each_entry(const sim::World& world, Visit&& visit) {
  for (sim::NodeIndex i = 0; i < world.size(); ++i) {
    if (!is_up(world, i)) continue;
    for (const core::PeerStatus& peer : world.core(i).peers())
      if (core::is_live(peer.member.state)) visit(world.index_of(peer.member.endpoint));
  }
}

void print_in_degrees(const sim::World& world, double datagrams) {
  std::vector<std::uint32_t> degrees(world.size());
  std::uint64_t sum = 0;
  for_each_entry(world, [&](sim::NodeIndex node) { ++degrees[node], ++sum; });
  const auto [least, most] = std::minmax_element(degrees.begin(), degrees.end());
  std::printf("in-degree %u %.1f %u; datagrams %.2f\n", *least,
              static_cast<double>(sum) / world.size(), *most, datagrams);
}

double dead_thousandths(const sim::World& world) {
  std::uint64_t dead = 0;
  std::uint64_t all = 0;
  for_each_entry(world, [&](sim::NodeIndex node) {
    ++all;
    if (!is_up(world, node)) ++dead;
  });
  return 1000.0 * static_cast<double>(dead) / static_cast<double>(all);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s NODES VIEW SECONDS\n", argv[0]);
    return 64;
  }
  const auto nodes = static_cast<sim::NodeIndex>(std::stoul(argv[1]));
  core::Config config;
  config.membership.view = static_cast<std::uint32_t>(std::stoul(argv[2]));
  const int seconds = std::stoi(argv[3]);

  sim::WorldOptions options;
  options.share_counters = true;
  sim::World world(options);
  for (sim::NodeIndex i = 0; i < nodes; ++i) world.add({.config = config});
  world.acquaint(config.membership.view);
  world.run_for(kMixing / 2);
  const std::uint64_t before = world.datagrams();
  world.run_for(kMixing / 2);
  const double second_count = static_cast<double>(kMixing / 2 / core::kSecond);
  print_in_degrees(world, static_cast<double>(world.datagrams() - before) / nodes / second_count);

  core::Rng rng(3);
  for (sim::NodeIndex dead = 0; dead < nodes * 3 / 10;) {
    const auto victim = static_cast<sim::NodeIndex>(rng.below(nodes));
    if (!is_up(world, victim)) continue;
    world.crash(victim);
    ++dead;
  }
  for (int second = 1; second <= seconds; ++second) {
    world.run_for(core::kSecond);
    std::printf("%d %.1f\n", second, dead_thousandths(world));
  }
}
