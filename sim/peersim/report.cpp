#include "sim/peersim/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "config/units.h"
#include "sim/studies/table.h"

namespace peersim {
namespace {

using sim::studies::number;

bool is_worth_a_line(const sim::Quantity& quantity, const sim::Estimate& estimate) {
  return estimate.mean != 0 || !quantity.name.starts_with("messages_");
}

std::string heading(const RunOptions& options) {
  const sim::Experiment& experiment = options.experiment;
  const core::PolicyConfig& policy = experiment.config.policy;
  std::string work =
      experiment.trace.empty()
          ? fmt::format(
                "load {}, {} service of mean {}, {} arrivals",
                config::print_quantity(config::Unit::thousandths, experiment.load_thousandths),
                options.service,
                config::print_quantity(config::Unit::duration, experiment.service.mean()),
                options.arrivals)
          : options.arrivals;
  return fmt::format(
      "{} nodes ({}), {}\n"
      "{}: transfer {}, selection {}, location {}, information {}; probe limit {}\n"
      "{} tasks after {} to warm up, {} replications from seed {}\n\n",
      experiment.nodes, options.discipline, work, options.settings.preset, policy.transfer,
      policy.selection, policy.location, policy.information, experiment.config.limits.probe_limit,
      experiment.measured_tasks(), experiment.warm_up_tasks(), experiment.replications,
      experiment.seed);
}

std::string table(const RunOptions& options, const sim::Result& result) {
  std::string text = heading(options);
  text += fmt::format("{:<26}{:>12}   {}\n", "", "mean", "95 % interval");
  for (const sim::Quantity& quantity : sim::quantities()) {
    const sim::Estimate estimate = result[quantity.name];
    if (!is_worth_a_line(quantity, estimate)) continue;
    text += fmt::format("{:<26}{:>12}", quantity.name, number(estimate.mean));
    if (estimate.half_width >= 0) text += "   +- " + number(estimate.half_width);
    text += "\n";
  }
  return text +
         "\nTimes are in seconds, counts per task; peersim run --help explains each quantity.\n";
}

std::string csv(const sim::Result& result) {
  std::string text = "quantity,mean,half_width_95\n";
  for (const sim::Quantity& quantity : sim::quantities()) {
    const sim::Estimate estimate = result[quantity.name];
    const std::string width = estimate.half_width < 0 ? "" : number(estimate.half_width);
    text += fmt::format("{},{},{}\n", quantity.name, number(estimate.mean), width);
  }
  return text;
}

std::string json(const RunOptions& options, const sim::Result& result) {
  nlohmann::ordered_json all;
  const sim::Experiment& experiment = options.experiment;
  all["nodes"] = experiment.nodes;
  if (experiment.trace.empty()) {
    all["load"] = experiment.load_thousandths / 1000.0;
    all["service"] = options.service;
    all["mean_service_s"] = static_cast<double>(experiment.service.mean()) / core::kSecond;
  }
  all["arrivals"] = options.arrivals;
  all["discipline"] = options.discipline;
  all["preset"] = options.settings.preset;
  all["tasks"] = experiment.measured_tasks();
  all["warm_up"] = experiment.warm_up_tasks();
  all["replications"] = experiment.replications;
  all["seed"] = experiment.seed;
  for (const sim::Quantity& quantity : sim::quantities()) {
    const sim::Estimate estimate = result[quantity.name];
    auto& one = all["results"][quantity.name];
    one["mean"] = estimate.mean;
    if (estimate.half_width >= 0) one["half_width_95"] = estimate.half_width;
  }
  // A trace's name need not be UTF-8.
  return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string report(const RunOptions& options, const sim::Result& result) {
  switch (options.format) {
    case RunOptions::Format::json:
      return json(options, result);
    case RunOptions::Format::csv:
      return csv(result);
    case RunOptions::Format::text:
      break;
  }
  return table(options, result);
}

}  // namespace peersim
