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
  // Tasks, or bursts, come no more than 25 days apart on average. Else there is no Workload of it.
  static bool is_possible(const WorkloadOptions& options);

  Workload(const WorkloadOptions& options, std::uint64_t seed);
  Arrival next();

 private:
  WorkloadOptions options_;
  core::Rng rng_;
  Distribution gap_;  // in ticks
  core::Time now_ = 0;
  std::uint64_t ticks_ = 0;     // after that, of 2^-16 us: many nodes' tasks come closer than 1 us
  std::uint32_t of_burst_ = 0;  // tasks of the present burst still to come
  NodeIndex home_ = 0;
};

struct TraceError {
  std::string text;         // "FILE:LINE: what is wrong; what is allowed"
  bool unreadable = false;  // there is no such file, or the system does not give it
};

// A recorded workload: a line for each task, "SECONDS NODE SERVICE_SECONDS", by time, in decimals
// of 10^9 s at most and 1 us at the finest; # begins a comment. At most 10,000,000 tasks and 1000
// bytes a line. On failure nullopt, and `error` says why.
std::optional<std::vector<Arrival>> read_trace(const std::string& path, NodeIndex nodes,
                                               TraceError& error);

}  // namespace sim
