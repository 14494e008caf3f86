// Ping-pong: senders that all hear of the same idle peer bury it, and it sends the tasks on. Every
// move costs processor time, so that the more tasks travel the busier everybody is. Each of the
// core's safeguards is switched on alone, and then all of them; and there is the same without
// balancing, which ping-pong must be measured against.
#include <fmt/format.h>

#include "sim/studies/chart.h"
#include "sim/studies/studies.h"
#include "sim/studies/table.h"

namespace sim::studies {
namespace {

constexpr std::uint32_t kLoads[] = {800, 850, 900, 950, 1000, 1100, 1200};
constexpr std::uint32_t kHotLoads[] = {500, 600, 700, 800, 900, 1000, 1100};
constexpr std::uint32_t kEndless = 100;  // moves
constexpr std::uint32_t kUnbounded = 256;

struct Variant {
  const char* name;
  void (*apply)(core::Config& config, core::Duration service);
};

void hysteresis(core::Config& config, core::Duration /*service*/) {
  config.policy.transfer = "dual_threshold";
  config.policy.low = 2000;
  config.policy.high = 3000;
}

constexpr Variant kVariants[] = {
    {"no balancing", [](core::Config& config,
                        core::Duration) { config.policy = with_preset(config.policy, "none"); }},
    {"no safeguard", [](core::Config&, core::Duration) {}},
    {"reservation", [](core::Config& config, core::Duration) { config.load.reservations = true; }},
    {"residence time", [](core::Config& config,
                          core::Duration service) { config.limits.min_residence = 2 * service; }},
    {"hop limit", [](core::Config& config, core::Duration) { config.limits.moves_per_task = 1; }},
    {"hysteresis", hysteresis},
    {"adaptive", [](core::Config& config,
                    core::Duration) { config.policy = with_preset(config.policy, "adaptive"); }},
    {"all together",
     [](core::Config& config, core::Duration service) {
       config.policy = with_preset(config.policy, "adaptive");
       hysteresis(config, service);
       config.load.reservations = true;
       config.limits.moves_per_task = 3;
       config.limits.min_residence = service / 2;
     }},
};

// Sender-initiated probing that searches as long as it is a sender, with everything off that would
// keep a task where it is.
core::Config reckless(const Experiment& base) {
  core::Config config = base.config;
  config.policy = with_preset(base.config.policy, "sender");
  config.load.reservations = false;
  config.limits.moves_per_task = kEndless;
  config.limits.min_residence = 0;
  config.limits.transfers_at_once = kUnbounded;
  config.limits.searches_at_once = kUnbounded;
  config.limits.search_retry = base.service.mean() / 5;
  return config;
}

std::uint32_t hot_nodes(const Experiment& base) {
  return std::max(1u, base.nodes / 10);
}

std::vector<std::string> panels(const Experiment& base) {
  return {"everywhere", fmt::format("at {} peers", hot_nodes(base))};
}

std::vector<Point> points(const Experiment& base) {
  std::vector<Point> all;
  for (const Variant& variant : kVariants) {
    Experiment experiment = base;
    experiment.config = reckless(base);
    variant.apply(experiment.config, base.service.mean());
    for (const std::uint32_t load : kLoads) {
      experiment.load_thousandths = load;
      all.push_back({panels(base)[0], variant.name, load / 1000.0, experiment});
    }
    experiment.pattern = {ArrivalPattern::Kind::hot, hot_nodes(base)};
    for (const std::uint32_t load : kHotLoads) {
      experiment.load_thousandths = load;
      all.push_back({panels(base)[1], variant.name, load / 1000.0, experiment});
    }
  }
  return all;
}

LineChart chart(const Experiment& base) {
  LineChart chart{
      "ping-pong",
      fmt::format("Ping-pong among {} peers: no balancing, no safeguard, each alone, all together",
                  base.nodes),
      "offered load per processor",
      {},
      3};
  for (const std::string& panel : panels(base)) {
    const std::string title = "arrivals " + panel;
    chart.panels.push_back({panel, "moves", title, "moves per task"});
    chart.panels.push_back({panel, "overhead_s", title, "processor seconds lost per task"});
    chart.panels.push_back({panel, "mean_s", title, "mean response time (s)", 0, 1, true});
  }
  return chart;
}

std::string summary(const Experiment& base, const std::vector<Row>& rows) {
  std::string text = "# Ping-pong\n\n![ping-pong](ping-pong.svg)\n\n";
  text += fmt::format(
      "{} peers with one processor each. A move takes {:g} s and costs its source's processor "
      "{:g} s. Preset sender, threshold {:g}, up to {} probes a search, and a search every fifth "
      "of a service time as long as the peer is a sender. Beyond load 1, and wherever ping-pong "
      "eats up the processors, queues grow without end and the response time depends on how long "
      "one looks: here {} tasks in each of {} replications.\n\n",
      base.nodes, static_cast<double>(base.world.link.stream_latency) / core::kSecond,
      static_cast<double>(base.world.transfer_cpu_per_task) / core::kSecond,
      base.config.policy.threshold / 1000.0, base.config.limits.probe_limit, base.tasks,
      base.replications);
  for (const std::string& panel : panels(base))
    for (const auto& [quantity, title] :
         {std::pair("moves", "moves per task"),
          std::pair("overhead_s", "processor seconds lost per task"),
          std::pair("mean_s", "mean response time (s)")}) {
      std::vector<double> loads;
      for (const std::uint32_t load : panel == panels(base)[0] ? kLoads : kHotLoads)
        loads.push_back(load / 1000.0);
      text += fmt::format("## Arrivals {}: {}\n\n{}\n", panel, title,
                          markdown(rows, panel, quantity, "load", loads));
    }
  return text;
}

}  // namespace

Study ping_pong(const Base& base) {
  const Experiment experiment = base.experiment;
  return {"ping-pong",
          {"arrivals", "safeguard", "load"},
          points(experiment),
          {},
          [=](const auto& rows) { return script(chart(experiment), rows); },
          [=](const auto& rows) { return summary(experiment, rows); }};
}

}  // namespace sim::studies
