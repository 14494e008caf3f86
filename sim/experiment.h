// One experiment: a cluster, a workload and a policy in virtual time, repeated with other seeds,
// and what came of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/config.h"
#include "sim/statistics.h"
#include "sim/workload.h"
#include "sim/world.h"

namespace sim {

struct Experiment {
  NodeIndex nodes = 40;
  core::Config config{};
  ArrivalPattern pattern{};
  Distribution service = Distribution::exponential(core::kSecond);
  std::uint32_t load_thousandths = 800;
  std::vector<Arrival> trace{};    // instead of pattern, service and load, if not empty
  std::uint64_t bundle_bytes = 0;  // of each task
  std::uint32_t processors = 0;    // of each node; 0: as many as slots
  std::vector<std::uint32_t> speeds_thousandths{1000};  // of the nodes in turn
  WorldOptions world{};                                 // its seed does not count
  std::uint64_t warm_up = 10'000;  // tasks before the measured ones; at most half of a trace
  std::uint64_t tasks = 100'000;   // measured; at most what is left of a trace
  std::uint32_t replications = 5;
  std::uint64_t seed = 1;

  // What a trace leaves of the two.
  std::uint64_t warm_up_tasks() const;
  std::uint64_t measured_tasks() const;
};

// Of the load that the experiment asks for. Not if it has a trace.
WorkloadOptions workload_of(const Experiment& experiment);

// Of one replication. Times in seconds; everything else per measured task, unless it says
// otherwise, from the first one's submission to the last one's (or, where no more tasks come, to
// its end).
struct Outcome {
  double mean_s = 0, p50_s = 0, p90_s = 0, p99_s = 0, p999_s = 0;  // response time
  double slowdown = 0;       // mean response time over mean service time
  double mean_slowdown = 0;  // mean of each task's response time over its service time
  double utilisation = 0;    // share of all processors' time
  double idle_while_waiting =
      0;  // share of all processors that was idle while as many tasks waited
  double refused = 0;
  double moves = 0;
  double max_moves = 0;  // of any task
  double probes = 0;
  double overhead_s = 0;  // processor time spent on moving
  double messages = 0;
  std::array<double, core::kMessages> by_message{};
};

// One measured quantity.
struct Quantity {
  std::string name;     // "mean_s", "messages_probe"
  std::string meaning;  // in words, for --help
  std::function<double(const Outcome&)> of;
};
const std::vector<Quantity>& quantities();

struct Result {
  std::vector<Outcome> replications;

  // Requires that the quantity exists.
  Estimate operator[](const std::string& quantity) const;
};

// Called now and then with the share that is done, 0 ... 1, from any thread.
using Progress = std::function<void(double)>;

Outcome replicate(const Experiment& experiment, std::uint32_t replication,
                  const Progress& progress = nullptr);
// All replications, `jobs` at once. The result does not depend on `jobs`.
Result run(const Experiment& experiment, unsigned jobs, const Progress& progress = nullptr);

}  // namespace sim
