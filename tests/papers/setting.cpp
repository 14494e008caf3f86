#include "tests/papers/setting.h"

#include <cmath>

#include "policies/registry.h"

namespace papers {

sim::Experiment setting(const std::string& preset, sim::NodeIndex nodes,
                        std::uint32_t load_thousandths) {
  sim::Experiment experiment;
  experiment.nodes = nodes;
  experiment.load_thousandths = load_thousandths;
  experiment.config.policy = policies::preset(preset).value();
  experiment.config.limits.search_retry = 0;
  experiment.config.limits.moves_per_task = 1;
  experiment.config.limits.finished_tasks = 1;
  experiment.config.membership.probe_interval = 3600 * core::kSecond;
  experiment.world.link = {
      .delay_min = 0, .delay_max = 0, .stream_latency = 0, .stream_bytes_per_second = UINT64_MAX};
  experiment.warm_up = 40'000;
  experiment.tasks = 120'000;
  experiment.replications = 2;
  return experiment;
}

double off_by(double value, double truth) {
  return std::abs(value - truth) / truth * 1000;
}

}  // namespace papers
