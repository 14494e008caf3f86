#include "sim/studies/studies.h"

#include <algorithm>
#include <cmath>

#include "policies/registry.h"
#include "sim/formulas.h"

namespace sim::studies {

const std::vector<Entry>& studies() {
  static const std::vector<Entry> all = {
      {"load-sweep",
       "response time over load for every policy, between M/M/1 and M/M/K",
       load_sweep,
       {"load", "policy.preset", "policy.transfer", "policy.location", "policy.selection"},
       {{"tasks", "60000"}, {"warm-up", "5000"}, {"replications", "3"}}},
      {"queueing",
       "two peers between M/M/1 and M/M/2: what moves may cost",
       queueing,
       {"load", "nodes", "transfer-time", "policy.preset", "policy.transfer", "policy.location",
        "policy.selection", "load.slots", "load.weight", "limits.moves_per_task"},
       {{"nodes", "2"}, {"tasks", "20000"}, {"warm-up", "2000"}, {"replications", "3"}}},
      {"ping-pong",
       "tasks that are sent to and fro, and which safeguard ends it",
       ping_pong,
       {"load", "arrivals", "policy.preset", "policy.transfer", "policy.location",
        "policy.selection", "policy.low", "policy.high", "load.reservations",
        "limits.moves_per_task", "limits.min_residence", "limits.search_retry",
        "limits.transfers_at_once", "limits.searches_at_once"},
       {{"nodes", "20"},
        {"tasks", "600"},
        {"warm-up", "300"},
        {"replications", "3"},
        {"delay", "5ms"},
        {"transfer-time", "500ms"},
        {"transfer-cpu", "100ms"}}},
      {"tune",
       "the best threshold and probe limit for a workload, as a configuration file",
       tune,
       {"discipline", "policy.threshold", "policy.low", "policy.high", "limits.probe_limit"},
       {{"tasks", "40000"},
        {"warm-up", "5000"},
        {"replications", "3"},
        {"delay", "1ms"},
        {"limits.search_retry", "1s"}}},
      {"stale",
       "what message delay costs every policy",
       stale,
       {"load", "delay", "policy.preset", "policy.transfer", "policy.location", "policy.selection"},
       {{"tasks", "40000"}, {"warm-up", "5000"}, {"replications", "3"}}},
  };
  return all;
}

core::PolicyConfig with_preset(const core::PolicyConfig& policy, const std::string& preset) {
  const core::PolicyConfig named = policies::preset(preset).value();
  core::PolicyConfig result = policy;
  result.transfer = named.transfer;
  result.selection = named.selection;
  result.location = named.location;
  return result;
}

bool has_formulas(const Experiment& experiment) {
  const std::vector<std::uint32_t>& speeds = experiment.speeds_thousandths;
  return experiment.service.is_exponential() && experiment.trace.empty() &&
         experiment.pattern.kind == ArrivalPattern::Kind::poisson && experiment.processors == 0 &&
         std::all_of(speeds.begin(), speeds.end(),
                     [](std::uint32_t speed) { return speed == 1000; });
}

double mean_service_s(const Experiment& experiment) {
  return static_cast<double>(experiment.service.mean()) / core::kSecond;
}

Row formula(const Experiment& experiment, std::uint32_t k, std::uint32_t load_thousandths) {
  const double rho = load_thousandths / 1000.0;
  const double service_s = mean_service_s(experiment);
  return {"",
          "M/M/" + std::to_string(k),
          rho,
          true,
          {{"mean_s", {formulas::mmk_mean_s(k, rho) * service_s, -1}},
           {"p99_s", {formulas::mmk_p99_s(k, rho) * service_s, -1}}}};
}

std::uint64_t warm_up(const Experiment& experiment, double memory) {
  const double rho = std::min(0.995, experiment.load_thousandths / 1000.0);
  const double room = 1 - std::sqrt(rho);
  const double service_times = memory / (room * room);
  const auto tasks = static_cast<std::uint64_t>(service_times * experiment.nodes * rho);
  return std::max(experiment.warm_up, std::min<std::uint64_t>(tasks, 3'000'000));
}

}  // namespace sim::studies
