// The textbook's comparison: how response time grows with load under each policy, below a peer on
// its own (M/M/1) and above one queue for all (M/M/K).
#include <fmt/format.h>

#include "config/units.h"
#include "sim/studies/chart.h"
#include "sim/studies/studies.h"
#include "sim/studies/table.h"

namespace sim::studies {
namespace {

constexpr std::uint32_t kLoads[] = {100, 200, 300, 400, 500, 600, 700,
                                    800, 850, 900, 930, 950, 970, 980};
constexpr const char* kPresets[] = {"none",      "random",   "sender", "receiver",
                                    "symmetric", "adaptive", "best"};

std::vector<Row> formulas(const Experiment& base) {
  std::vector<Row> rows;
  if (!has_formulas(base)) return rows;
  const std::uint32_t own = base.config.load.slots;
  for (const std::uint32_t load : kLoads)
    for (const std::uint32_t servers : {own, base.nodes * own})
      rows.push_back(formula(base, servers, load));
  return rows;
}

std::vector<Point> points(const Experiment& base) {
  std::vector<Point> all;
  for (const char* preset : kPresets)
    for (const std::uint32_t load : kLoads) {
      Experiment experiment = base;
      experiment.config.policy = with_preset(base.config.policy, preset);
      experiment.load_thousandths = load;
      const bool is_alone = experiment.config.policy.transfer == "never";
      experiment.warm_up = warm_up(experiment, is_alone ? 3 : 0.2);
      experiment.tasks = std::max(experiment.tasks, (is_alone ? 1 : 2) * experiment.warm_up);
      all.push_back({"", preset, load / 1000.0, experiment});
    }
  return all;
}

LineChart chart(const Experiment& base) {
  const double service_s = mean_service_s(base);
  return {"load-sweep",
          fmt::format("{} peers, probe limit {}", base.nodes, base.config.limits.probe_limit),
          "offered load per processor",
          {{"", "mean_s", "mean response time", "seconds", 5 * service_s},
           {"", "p99_s", "99th percentile", "seconds", 20 * service_s}},
          2};
}

std::string summary(const Experiment& base, const std::vector<Row>& rows) {
  const std::vector<double> shown = {0.5, 0.7, 0.8, 0.9, 0.95, 0.98};
  std::string text = "# Response time over load\n\n![response time over load](load-sweep.svg)\n\n";
  text += fmt::format(
      "{} peers, service of mean {}, at least {} tasks in each of {} replications, more where "
      "queues remember for long.{}\n\n",
      base.nodes, config::print_quantity(config::Unit::duration, base.service.mean()), base.tasks,
      base.replications,
      has_formulas(base) ? fmt::format(" M/M/{} is a peer on its own, M/M/{} a central queue: "
                                       "nothing that moves whole tasks has a shorter mean.",
                                       base.config.load.slots, base.nodes * base.config.load.slots)
                         : "");
  for (const auto& [quantity, title] :
       {std::pair("mean_s", "Mean response time (s)"), std::pair("p99_s", "99th percentile (s)"),
        std::pair("probes", "Probes per task"), std::pair("messages", "Messages per task"),
        std::pair("moves", "Moves per task")})
    text += fmt::format("## {}\n\n{}\n", title, markdown(rows, "", quantity, "load", shown));
  return text;
}

}  // namespace

Study load_sweep(const Base& base) {
  const Experiment experiment = base.experiment;
  return {"load-sweep",
          {"", "policy", "load"},
          points(experiment),
          formulas(experiment),
          [=](const auto& rows) { return script(chart(experiment), rows); },
          [=](const auto& rows) { return summary(experiment, rows); }};
}

}  // namespace sim::studies
