#include "sim/workload.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <fstream>
#include <sstream>

#include "config/units.h"
#include "sim/fixed_point.h"

namespace sim {
namespace {

constexpr int kTickBits = 16;
constexpr std::int64_t kMaxCount = 100'000;
constexpr std::size_t kMaxTraceTasks = 10'000'000;

// Of a Poisson process: from one event, a task or a burst, to the next.
core::Duration mean_gap_ticks(const WorkloadOptions& options) {
  const bool in_bursts = options.pattern.kind == ArrivalPattern::Kind::bursts;
  const std::uint64_t tasks = in_bursts ? options.pattern.count : 1;
  const auto work = static_cast<std::uint64_t>(options.service.mean()) * tasks << kTickBits;
  const std::uint64_t rate = options.capacity_thousandths * options.load_thousandths;
  return static_cast<core::Duration>(multiply_divide(work, 1'000'000, rate));
}

std::optional<core::Time> parse_seconds(const std::string& text) {
  std::string ignored;
  if (text.empty() || text.find_first_not_of("0123456789.") != std::string::npos) return {};
  return config::parse_quantity(config::Unit::duration, text + "s", ignored);
}

std::optional<Arrival> parse_line(const std::string& line, NodeIndex nodes) {
  std::istringstream words(line);
  std::string at, home, service, more;
  if (!(words >> at >> home >> service) || words >> more) return std::nullopt;
  std::string ignored;
  const auto at_us = parse_seconds(at);
  const auto node = config::parse_quantity(config::Unit::count, home, ignored);
  const auto service_us = parse_seconds(service);
  if (!at_us || !node || !service_us || *node >= nodes || *service_us < 1) return std::nullopt;
  return Arrival{*at_us, static_cast<NodeIndex>(*node), *service_us};
}

}  // namespace

std::optional<ArrivalPattern> ArrivalPattern::parse(const std::string& text, std::string& error) {
  if (text == "poisson") return ArrivalPattern{};
  const std::size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  const bool in_bursts = name == "bursts";
  if (colon != std::string::npos && (in_bursts || name == "hot")) {
    std::string ignored;
    const auto count = config::parse_quantity(config::Unit::count, text.substr(colon + 1), ignored);
    if (count && *count >= (in_bursts ? 2 : 1) && *count <= kMaxCount)
      return ArrivalPattern{in_bursts ? Kind::bursts : Kind::hot,
                            static_cast<std::uint32_t>(*count)};
  }
  error = config::quoted(text) +
          " is no arrival pattern; allowed: poisson, bursts:SIZE (2 ... 100000), hot:NODES (1 ... "
          "100000), trace:FILE";
  return std::nullopt;
}

Workload::Workload(const WorkloadOptions& options, std::uint64_t seed)
    : options_(options),
      rng_(seed),
      gap_(Distribution::exponential(std::max<core::Duration>(1, mean_gap_ticks(options)))) {
  assert(options.load_thousandths > 0 && options.nodes > 0);
}

Arrival Workload::next() {
  if (of_burst_ == 0) {
    ticks_ += static_cast<std::uint64_t>(gap_.draw(rng_));
    const bool is_hot = options_.pattern.kind == ArrivalPattern::Kind::hot;
    const NodeIndex homes =
        is_hot ? std::min(options_.pattern.count, options_.nodes) : options_.nodes;
    home_ = static_cast<NodeIndex>(rng_.below(homes));
    if (options_.pattern.kind == ArrivalPattern::Kind::bursts) of_burst_ = options_.pattern.count;
  }
  if (of_burst_ > 0) --of_burst_;
  const core::Duration service = options_.service.draw(rng_);
  return {static_cast<core::Time>(ticks_ >> kTickBits), home_, service};
}

std::optional<std::vector<Arrival>> read_trace(const std::string& path, NodeIndex nodes,
                                               std::string& error) {
  std::ifstream file(path);
  if (!file) {
    error = path + ": cannot be read";
    return std::nullopt;
  }
  std::vector<Arrival> arrivals;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    line.erase(std::min(line.find('#'), line.size()));
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto arrival = parse_line(line, nodes);
    const auto complain = [&](const std::string& what) {
      error = path + ":" + std::to_string(number) + ": " + what;
      return std::nullopt;
    };
    if (!arrival)
      return complain(config::quoted(line) +
                      " is no task; allowed: SECONDS NODE SERVICE_SECONDS, nodes 0 ... " +
                      std::to_string(nodes - 1));
    if (!arrivals.empty() && arrival->at < arrivals.back().at)
      return complain("comes before the task above; allowed: tasks by time");
    if (arrivals.size() == kMaxTraceTasks)
      return complain("too many tasks; allowed: " + std::to_string(kMaxTraceTasks));
    arrivals.push_back(*arrival);
  }
  if (arrivals.empty()) {
    error = path + ": contains no task";
    return std::nullopt;
  }
  return arrivals;
}

}  // namespace sim
