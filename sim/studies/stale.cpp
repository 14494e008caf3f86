// What is heard of a peer is as old as the message that told it: every policy under message delay.
#include <fmt/format.h>

#include "config/units.h"
#include "sim/studies/chart.h"
#include "sim/studies/studies.h"
#include "sim/studies/table.h"

namespace sim::studies {
namespace {

constexpr std::uint32_t kDelays[] = {0, 10, 50, 200, 1000};  // thousandths of a service time
constexpr std::uint32_t kLoads[] = {500, 800, 950};
constexpr const char* kPresets[] = {"random", "sender", "receiver",     "symmetric", "adaptive",
                                    "push",   "pull",   "late_binding", "best"};

std::string panel_of(std::uint32_t load) {
  return fmt::format("{:g}", load / 1000.0);
}

// Nobody gives up on an answer that is merely slow.
void wait_for_answers(core::LimitsConfig& limits, core::Duration delay) {
  limits.probe_timeout = std::max(limits.probe_timeout, 4 * delay);
  limits.grant_timeout = std::max(limits.grant_timeout, 4 * delay);
  limits.resend_interval = std::max(limits.resend_interval, 4 * delay);
  limits.search_timeout =
      std::max(limits.search_timeout, limits.probe_timeout * (limits.probe_limit + 1));
}

// Then it needs to be told how often.
bool searches_at_random(const std::string& preset) {
  return preset == "push" || preset == "pull";
}

std::vector<Point> points(const Experiment& base) {
  std::vector<Point> all;
  for (const std::uint32_t load : kLoads)
    for (const char* preset : kPresets)
      for (const std::uint32_t delay_thousandths : kDelays) {
        Experiment experiment = base;
        experiment.config.policy = with_preset(base.config.policy, preset);
        experiment.load_thousandths = load;
        const core::Duration delay = base.service.mean() * delay_thousandths / 1000;
        experiment.world.link.delay_min = experiment.world.link.delay_max = delay;
        wait_for_answers(experiment.config.limits, delay);
        if (searches_at_random(preset) && experiment.config.limits.search_retry == 0)
          experiment.config.limits.search_retry = base.service.mean() / 5;
        experiment.warm_up = warm_up(experiment, 0.2);
        all.push_back({panel_of(load), preset, delay_thousandths / 1000.0, experiment});
      }
  return all;
}

LineChart chart(const Experiment& base) {
  LineChart chart{"stale",
                  fmt::format("Message delay among {} peers", base.nodes),
                  "delay of a message, in service times",
                  {},
                  3,
                  true};
  for (const char* quantity : {"mean_s", "p99_s"})
    for (const std::uint32_t load : kLoads)
      chart.panels.push_back(
          {panel_of(load), quantity, "load " + panel_of(load),
           std::string(quantity) == "mean_s" ? "mean response time (s)" : "99th percentile (s)", 0,
           1, true});
  return chart;
}

std::string summary(const Experiment& base, const std::vector<Row>& rows) {
  std::string text = "# Message delay\n\n![stale](stale.svg)\n\n";
  text += fmt::format(
      "{} peers, threshold {:g}, probe limit {}; {} tasks in each of {} replications. The "
      "delay of a message, one way, is in service times. push and pull search every fifth of a "
      "service time in the mean.\n\n",
      base.nodes, base.config.policy.threshold / 1000.0, base.config.limits.probe_limit, base.tasks,
      base.replications);
  for (const std::uint32_t load : kLoads)
    for (const auto& [quantity, title] :
         {std::pair("mean_s", "mean response time (s)"), std::pair("p99_s", "99th percentile (s)"),
          std::pair("messages", "messages per task")})
      text += fmt::format("## Load {}: {}\n\n{}\n", panel_of(load), title,
                          markdown(rows, panel_of(load), quantity, "delay", xs_of(rows)));
  return text;
}

}  // namespace

Study stale(const Base& base) {
  const Experiment experiment = base.experiment;
  return {"stale",
          {"load", "policy", "delay"},
          points(experiment),
          {},
          [=](const auto& rows) { return script(chart(experiment), rows); },
          [=](const auto& rows) { return summary(experiment, rows); }};
}

}  // namespace sim::studies
