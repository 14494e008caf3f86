// Core steps per second on one core, and memory per node: a world of N nodes under load, through
// the real codec, with nothing watching.
//
//   steps NODES VIEW SECONDS
//
// VIEW: how many peers each node knows, 0 for all. Poisson arrivals, exponential service of mean
// 1 s at rho = 0.8, preset `symmetric`, membership probing at its usual second. Prints one line:
// nodes, view, steps, steps per second, bytes per node, datagrams per node and second.
#include <unistd.h>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>

#include "core/rng.h"
#include "policies/registry.h"
#include "sim/world.h"

namespace {

constexpr double kRho = 0.8;
constexpr core::Duration kWarmUp = 3 * core::kSecond;

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// Poisson arrivals at random nodes, each a task of exponential length.
class Arrivals {
 public:
  explicit Arrivals(sim::World& world) : world_(world) {}

  void run_until(core::Time end) {
    while (next_ <= end) {
      world_.run_until(next_);
      const auto home = static_cast<sim::NodeIndex>(rng_.below(world_.size()));
      world_.submit(home, {.service = exponential(1.0)});
      next_ += exponential(1.0 / (kRho * world_.size()));
    }
    world_.run_until(end);
  }

 private:
  core::Duration exponential(double mean_s) {
    const double uniform = (static_cast<double>(rng_.next() >> 11) + 1) / 9007199254740993.0;
    return static_cast<core::Duration>(-std::log(uniform) * mean_s * core::kSecond);
  }

  sim::World& world_;
  core::Rng rng_{7};
  core::Time next_ = 0;
};

core::Config config_of(std::uint32_t view) {
  core::Config config;
  config.policy = policies::preset("symmetric").value();
  config.limits.finished_tasks = 1;
  config.membership.max_peers = 1'000'000;
  config.membership.view = view;
  return config;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s NODES VIEW SECONDS\n", argv[0]);
    return 64;
  }
  const auto nodes = static_cast<sim::NodeIndex>(std::stoul(argv[1]));
  const auto view = static_cast<std::uint32_t>(std::stoul(argv[2]));
  const core::Duration duration = std::stol(argv[3]) * core::kSecond;

  const std::size_t empty = resident_bytes();
  sim::World world({.forget_ended = true, .share_counters = true});
  const core::Config config = config_of(view);
  for (sim::NodeIndex i = 0; i < nodes; ++i) world.add({.config = config});
  world.acquaint(view);

  Arrivals arrivals(world);
  arrivals.run_until(kWarmUp);
  const std::uint64_t steps_before = world.events();
  const std::uint64_t datagrams_before = world.datagrams();
  const std::clock_t began = std::clock();  // processor time: others may use the machine
  arrivals.run_until(kWarmUp + duration);
  const double took_s = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  const auto steps = static_cast<double>(world.events() - steps_before);
  const auto datagrams = static_cast<double>(world.datagrams() - datagrams_before);

  if (!world.history().violations().empty()) {
    std::fprintf(stderr, "%s\n", world.history().violations().front().c_str());
    return 1;
  }
  const double seconds = static_cast<double>(duration) / core::kSecond;
  std::printf("%u %u %.0f %.0f %.0f %.1f\n", nodes, view, steps, steps / took_s,
              static_cast<double>(resident_bytes() - empty) / nodes, datagrams / nodes / seconds);
}
