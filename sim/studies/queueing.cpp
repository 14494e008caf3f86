// The textbook's first figure: two workstations that may give each other tasks lie between two
// queues on their own (M/M/1) and one queue for both (M/M/2), the nearer to the latter the less a
// move costs.
#include <fmt/format.h>

#include <algorithm>

#include "config/units.h"
#include "sim/studies/chart.h"
#include "sim/studies/studies.h"
#include "sim/studies/table.h"

namespace sim::studies {
namespace {

constexpr std::uint32_t kLoads[] = {100, 200, 300, 400, 500, 600, 700, 800, 850, 900, 950};
constexpr std::uint32_t kCosts[] = {0, 100, 250, 500, 1000};  // thousandths of a service time

std::vector<Row> formulas(const Experiment& base) {
  std::vector<Row> rows;
  if (!has_formulas(base)) return rows;
  for (const std::uint32_t k : {1u, 2u})
    for (const std::uint32_t load : kLoads) rows.push_back(formula(base, k, load));
  return rows;
}

Point point(const Experiment& base, const std::string& series, std::uint32_t load) {
  Point result{"", series, load / 1000.0, base};
  result.experiment.load_thousandths = load;
  result.experiment.nodes = 2;
  result.experiment.config.load.slots = 1;
  result.experiment.warm_up = warm_up(result.experiment, 20);
  result.experiment.tasks = std::max(base.tasks, 3 * result.experiment.warm_up);
  return result;
}

std::vector<Point> points(const Experiment& base) {
  std::vector<Point> all;
  for (const std::uint32_t load : kLoads) {
    Point alone = point(base, "two peers alone", load);
    alone.experiment.config.policy = with_preset(base.config.policy, "none");
    all.push_back(alone);
    for (const std::uint32_t cost : kCosts) {
      Point both = point(base, fmt::format("a move takes {:g}", cost / 1000.0), load);
      both.experiment.config.policy = with_preset(base.config.policy, "symmetric");
      both.experiment.config.limits.moves_per_task = 100;
      both.experiment.world.link.stream_latency = base.service.mean() * cost / 1000;
      all.push_back(both);
    }
    Point pooled = point(base, "one board with two slots", load);
    pooled.experiment.config.policy = with_preset(base.config.policy, "none");
    pooled.experiment.nodes = 1;
    pooled.experiment.config.load.slots = 2;
    pooled.experiment.config.load.weight_thousandths = 2000;
    all.push_back(pooled);
  }
  return all;
}

LineChart chart(const Experiment& base) {
  const double service_s = mean_service_s(base);
  return {"queueing",
          "Two workstations between M/M/1 and M/M/2",
          "offered load per processor",
          {{"", "mean_s", "mean response time", "seconds", 10 * service_s},
           {"", "moves", "moves", "per task"}},
          2};
}

std::string summary(const Experiment& base, const std::vector<Row>& rows) {
  std::string text = "# Two workstations between M/M/1 and M/M/2\n\n![queueing](queueing.svg)\n\n";
  text += fmt::format(
      "Two peers that ask each other on arrivals and departures (preset symmetric), and a move "
      "that keeps a task away from both processors for some part of a mean service time. {} tasks "
      "or more in each of {} "
      "replications.\n\n",
      base.tasks, base.replications);
  for (const auto& [quantity, title] :
       {std::pair("mean_s", "Mean response time (s)"), std::pair("moves", "Moves per task")})
    text += fmt::format("## {}\n\n{}\n", title,
                        markdown(rows, "", quantity, "load", {0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95}));
  return text;
}

}  // namespace

Study queueing(const Base& base) {
  const Experiment experiment = base.experiment;
  return {"queueing",
          {"", "model", "load"},
          points(experiment),
          formulas(experiment),
          [=](const auto& rows) { return script(chart(experiment), rows); },
          [=](const auto& rows) { return summary(experiment, rows); }};
}

}  // namespace sim::studies
