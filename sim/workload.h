// Which tasks come when and where: a stream of arrivals from one seed, or from a recorded trace.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/rng.h"
#include "core/types.h"
#include "sim/distribution.h"
#include "sim/network.h"

namespace sim {

struct Arrival {
  core::Time at = 0;
  NodeIndex home = 0;
  core::Duration service = 0;
};

// Poisson: at a random node each. Bursts: so many at one random node at once, the bursts a Poisson
// process. Hot: Poisson, all at the first few nodes.
struct ArrivalPattern {
  enum class Kind : std::uint8_t { poisson, bursts, hot };
  Kind kind = Kind::poisson;
  std::uint32_t count = 0;  // tasks in a burst, or hot nodes

  // "poisson", "bursts:SIZE" (2 ... 100,000), "hot:NODES" (1 ... 100,000). On failure nullopt, and
  // `error` says what is wrong.
  static std::optional<ArrivalPattern> parse(const std::string& text, std::string& error);
};

struct WorkloadOptions {
  NodeIndex nodes = 1;
  ArrivalPattern pattern{};
  Distribution service = Distribution::exponential(core::kSecond);
  std::uint64_t capacity_thousandths = 1000;  // processors times speed, of all nodes together
  std::uint32_t load_thousandths = 500;  // offered work over capacity; more than 1000 is too much
};

// Endless.
class Workload {
 public:
  Workload(const WorkloadOptions& options, std::uint64_t seed);
  Arrival next();

 private:
  WorkloadOptions options_;
  core::Rng rng_;
  Distribution gap_;            // in ticks
  std::uint64_t ticks_ = 0;     // of 2^-16 us: many nodes' arrivals are closer than a microsecond
  std::uint32_t of_burst_ = 0;  // tasks of the present burst still to come
  NodeIndex home_ = 0;
};

// A recorded workload: a line for each task, "SECONDS NODE SERVICE_SECONDS", by time; # begins a
// comment. At most 10,000,000 tasks. On failure nullopt, and `error` names the line.
std::optional<std::vector<Arrival>> read_trace(const std::string& path, NodeIndex nodes,
                                               std::string& error);

}  // namespace sim
