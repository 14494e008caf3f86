// Thresholds and probe limits for one workload: which pair is best, all told.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "config/keys.h"
#include "config/units.h"
#include "sim/studies/chart.h"
#include "sim/studies/studies.h"
#include "sim/studies/table.h"

namespace sim::studies {
namespace {

constexpr std::uint32_t kTasksPerSlot[] = {1000, 1500, 2000, 3000, 4000};  // thousandths
constexpr std::uint32_t kProbeLimits[] = {1, 2, 3, 5, 8, 12};

constexpr std::uint64_t kMaxThreshold = 900'000;  // the band above it is within the keys' range

// A threshold is a load index: tasks over weight.
core::Load threshold(const core::Config& config, std::uint32_t tasks_per_slot) {
  const std::uint64_t load =
      std::uint64_t{tasks_per_slot} * config.load.slots * 1000 / config.load.weight_thousandths;
  return static_cast<core::Load>(std::min(load, kMaxThreshold));
}

void set(core::Config& config, core::Load threshold, std::uint32_t probe_limit) {
  const core::Load band = std::clamp(config.policy.high - config.policy.low, 1, 100'000);
  config.policy.threshold = config.policy.low = threshold;
  config.policy.high = threshold + band;
  config.limits.probe_limit = probe_limit;
}

std::string name_of(core::Load threshold) {
  return fmt::format("threshold {:g}", threshold / 1000.0);
}

std::vector<Point> points(const Experiment& base) {
  std::vector<Point> all;
  for (const std::uint32_t tasks : kTasksPerSlot)
    for (const std::uint32_t probe_limit : kProbeLimits) {
      const core::Load load = threshold(base.config, tasks);
      Point point{"", name_of(load), static_cast<double>(probe_limit), base};
      set(point.experiment.config, load, probe_limit);
      all.push_back(point);
    }
  return all;
}

// What a task costs: its response time, and what its messages are held to cost.
double cost_s(const Row& row, core::Duration message_cost) {
  return row.values.at("mean_s").mean +
         row.values.at("messages").mean * static_cast<double>(message_cost) / core::kSecond;
}

const Row& best_of(const std::vector<Row>& rows, core::Duration message_cost) {
  return *std::min_element(rows.begin(), rows.end(), [=](const Row& a, const Row& b) {
    return cost_s(a, message_cost) < cost_s(b, message_cost);
  });
}

HeatMap heat_map(const Base& base, const std::vector<Row>& rows) {
  HeatMap map{"tune",
              fmt::format("{}: cost of a task (s)", base.settings.preset),
              "probe limit",
              "threshold",
              {},
              {},
              {}};
  for (const std::uint32_t probe_limit : kProbeLimits)
    map.x_names.push_back(std::to_string(probe_limit));
  for (const std::string& series : series_of(rows, "")) {
    map.y_names.push_back(series.substr(series.find(' ') + 1));
    std::vector<double>& line = map.values.emplace_back();
    for (const std::uint32_t probe_limit : kProbeLimits)
      line.push_back(cost_s(*find(rows, "", series, probe_limit), base.message_cost));
  }
  return map;
}

std::string workload(const Base& base) {
  using config::Unit;
  const Experiment& experiment = base.experiment;
  const auto duration = [](core::Duration time) {
    return config::print_quantity(Unit::duration, time);
  };
  const std::string work =
      experiment.trace.empty()
          ? fmt::format("load {}, {}service of mean {}",
                        config::print_quantity(Unit::thousandths, experiment.load_thousandths),
                        experiment.service.is_exponential() ? "exponential " : "",
                        duration(experiment.service.mean()))
          : "a recorded workload";
  return fmt::format("{} peers, {}, message delay {}, a message held to cost {}", experiment.nodes,
                     work, duration(experiment.world.link.delay_min), duration(base.message_cost));
}

std::string summary(const Base& base, const std::vector<Row>& rows) {
  const Row& best = best_of(rows, base.message_cost);
  std::string text = "# Tuning\n\n![cost of a task](tune.svg)\n\n";
  text += fmt::format(
      "Preset {}; {}. {} tasks in each of {} replications.\n\n"
      "Best: **{}, probe limit {:g}**, mean response time {:.4g} s with {:.3g} messages a task. "
      "`tune.conf` holds it.\n\n",
      base.settings.preset, workload(base), base.experiment.measured_tasks(),
      base.experiment.replications, best.series, best.x, best.values.at("mean_s").mean,
      best.values.at("messages").mean);
  for (const auto& [quantity, title] :
       {std::pair("mean_s", "Mean response time (s)"), std::pair("p99_s", "99th percentile (s)"),
        std::pair("messages", "Messages per task")})
    text += fmt::format("## {}\n\n{}\n", title,
                        markdown(rows, "", quantity, "probe limit", xs_of(rows)));
  return text;
}

File configuration(const Base& base, const std::vector<Row>& rows) {
  const Row& best = best_of(rows, base.message_cost);
  config::Settings settings = base.settings;
  const auto* chosen = std::find_if(
      std::begin(kTasksPerSlot), std::end(kTasksPerSlot),
      [&](std::uint32_t tasks) { return name_of(threshold(settings.core, tasks)) == best.series; });
  assert(chosen != std::end(kTasksPerSlot));
  set(settings.core, threshold(settings.core, *chosen), static_cast<std::uint32_t>(best.x));
  const std::string head = fmt::format(
      "# The best threshold and probe limit found by peersim experiment tune for\n# {}.\n",
      workload(base));
  return {"tune.conf", head + config::overriding_config(settings, base.defaults)};
}

}  // namespace

Study tune(const Base& base) {
  return {"tune",
          {"", "setting", "probe_limit"},
          points(base.experiment),
          {},
          [=](const auto& rows) { return script(heat_map(base, rows)); },
          [=](const auto& rows) { return summary(base, rows); },
          [=](const auto& rows) { return std::vector<File>{configuration(base, rows)}; }};
}

}  // namespace sim::studies
