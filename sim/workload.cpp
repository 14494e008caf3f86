#include "sim/workload.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "config/units.h"
#include "sim/fixed_point.h"

namespace sim {
namespace {

constexpr int kTickBits = 16;
constexpr std::int64_t kMaxCount = 100'000;
constexpr std::uint64_t kMaxGap = std::uint64_t{1} << 41;  // us: 44 times that fits in ticks
constexpr std::size_t kMaxTraceTasks = 10'000'000;
constexpr std::size_t kMaxTraceLine = 1000;
constexpr core::Time kMaxTraceTime = 1'000'000'000 * core::kSecond;

// Of a Poisson process: from one event, a task or a burst, to the next.
std::uint64_t mean_gap(const WorkloadOptions& options, std::uint64_t units_per_us) {
  const bool in_bursts = options.pattern.kind == ArrivalPattern::Kind::bursts;
  const std::uint64_t tasks = in_bursts ? options.pattern.count : 1;
  const auto work = static_cast<std::uint64_t>(options.service.mean()) * tasks;
  const std::uint64_t rate = options.capacity_thousandths * options.load_thousandths;
  return multiply_divide(work * units_per_us, 1'000'000, rate);
}

core::Duration mean_gap_ticks(const WorkloadOptions& options) {
  assert(Workload::is_possible(options));
  const std::uint64_t ticks = mean_gap(options, std::uint64_t{1} << kTickBits);
  return std::max<core::Duration>(1, static_cast<core::Duration>(ticks));
}

std::optional<core::Time> parse_seconds(const std::string& text) {
  std::string ignored;
  if (text.empty() || text.find_first_not_of("0123456789.") != std::string::npos) return {};
  const auto time = config::parse_quantity(config::Unit::duration, text + "s", ignored);
  return time && *time <= kMaxTraceTime ? time : std::nullopt;
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
    : options_(options), rng_(seed), gap_(Distribution::exponential(mean_gap_ticks(options))) {
  assert(options.nodes > 0);
}

bool Workload::is_possible(const WorkloadOptions& options) {
  return options.load_thousandths > 0 && options.capacity_thousandths > 0 &&
         mean_gap(options, 1) <= kMaxGap;
}

Arrival Workload::next() {
  if (of_burst_ == 0) {
    ticks_ += static_cast<std::uint64_t>(gap_.draw(rng_));
    now_ += static_cast<core::Time>(ticks_ >> kTickBits);
    ticks_ &= (std::uint64_t{1} << kTickBits) - 1;
    const bool is_hot = options_.pattern.kind == ArrivalPattern::Kind::hot;
    const NodeIndex homes =
        is_hot ? std::min(options_.pattern.count, options_.nodes) : options_.nodes;
    home_ = static_cast<NodeIndex>(rng_.below(homes));
    if (options_.pattern.kind == ArrivalPattern::Kind::bursts) of_burst_ = options_.pattern.count;
  }
  if (of_burst_ > 0) --of_burst_;
  const core::Duration service = options_.service.draw(rng_);
  return {now_, home_, service};
}

std::optional<std::vector<Arrival>> read_trace(const std::string& path, NodeIndex nodes,
                                               TraceError& error) {
  errno = 0;
  std::ifstream file(path);
  std::vector<Arrival> arrivals;
  std::array<char, kMaxTraceLine + 1> buffer;
  int number = 1;
  const auto complain = [&](const std::string& what) {
    error = {path + ":" + std::to_string(number) + ": " + what, false};
    return std::nullopt;
  };
  for (; file.getline(buffer.data(), buffer.size()); ++number) {
    std::string line = buffer.data();
    line.erase(std::min(line.find('#'), line.size()));
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto arrival = parse_line(line, nodes);
    if (!arrival)
      return complain(config::quoted(line) +
                      " is no task; allowed: SECONDS NODE SERVICE_SECONDS, up to 10^9 s, nodes "
                      "0 ... " +
                      std::to_string(nodes - 1));
    if (!arrivals.empty() && arrival->at < arrivals.back().at)
      return complain("comes before the task above; allowed: tasks by time");
    if (arrivals.size() == kMaxTraceTasks)
      return complain("too many tasks; allowed: " + std::to_string(kMaxTraceTasks));
    arrivals.push_back(*arrival);
  }
  if (!file.is_open() || file.bad()) {
    error = {path + ": cannot be read: " + std::strerror(errno), true};
    return std::nullopt;
  }
  if (!file.eof()) return complain("is longer than " + std::to_string(kMaxTraceLine) + " bytes");
  if (arrivals.empty()) {
    error = {path + ": contains no task", false};
    return std::nullopt;
  }
  return arrivals;
}

}  // namespace sim
