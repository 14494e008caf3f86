// When and where tasks come: rates, bursts, hot nodes; and recorded workloads.
#include "sim/workload.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/peerd/scratch_directory.h"

using core::kSecond;
using sim::Arrival;
using sim::ArrivalPattern;
using sim::Workload;
using sim::WorkloadOptions;

namespace {

ArrivalPattern pattern(const std::string& text) {
  std::string error;
  const auto parsed = ArrivalPattern::parse(text, error);
  CAPTURE(text, error);
  REQUIRE(parsed);
  return *parsed;
}

// Ten nodes of one processor, exponential service of mean 1 s: eight tasks a second.
WorkloadOptions options(const std::string& arrivals = "poisson") {
  WorkloadOptions options;
  options.nodes = 10;
  options.capacity_thousandths = 10'000;
  options.load_thousandths = 800;
  options.pattern = pattern(arrivals);
  return options;
}

std::vector<Arrival> draw(const WorkloadOptions& options, std::size_t count,
                          std::uint64_t seed = 1) {
  Workload workload(options, seed);
  std::vector<Arrival> arrivals;
  for (std::size_t i = 0; i < count; ++i) arrivals.push_back(workload.next());
  return arrivals;
}

struct Gaps {
  double mean_s = 0, cv2 = 0;
};

Gaps gaps(const std::vector<core::Time>& times) {
  const auto count = static_cast<double>(times.size());
  const double mean = static_cast<double>(times.back()) / count;
  double squares = 0;
  core::Time last = 0;
  for (const core::Time time : times) {
    REQUIRE(time >= last);
    squares += std::pow(static_cast<double>(time - last) - mean, 2);
    last = time;
  }
  return {mean / kSecond, squares / count / (mean * mean)};
}

std::vector<core::Time> times(const std::vector<Arrival>& arrivals) {
  std::vector<core::Time> all;
  for (const Arrival& arrival : arrivals) all.push_back(arrival.at);
  return all;
}

std::map<sim::NodeIndex, int> homes(const std::vector<Arrival>& arrivals) {
  std::map<sim::NodeIndex, int> counts;
  for (const Arrival& arrival : arrivals) ++counts[arrival.home];
  return counts;
}

bool within(double value, double truth, double share) {
  return std::abs(value - truth) <= share * truth;
}

std::vector<Arrival> read(const std::string& text, sim::NodeIndex nodes = 4) {
  const ScratchDirectory directory;
  sim::TraceError error;
  const auto arrivals = sim::read_trace(directory.write("trace", text), nodes, error);
  CAPTURE(text, error.text);
  REQUIRE(arrivals);
  return *arrivals;
}

// The message without the file's name.
std::string refusal(const std::string& text, sim::NodeIndex nodes = 4) {
  const ScratchDirectory directory;
  const std::string path = directory.write("trace", text);
  sim::TraceError error;
  CAPTURE(text);
  CHECK(!sim::read_trace(path, nodes, error));
  CHECK(!error.unreadable);
  REQUIRE(error.text.starts_with(path));
  return error.text.substr(path.size());
}

constexpr char kNoTask[] =
    " is no task; allowed: SECONDS NODE SERVICE_SECONDS, up to 10^9 s, nodes 0 ... 3";

}  // namespace

TEST_CASE("Poisson: rate, variance, homes and service") {
  const auto arrivals = draw(options(), 200'000);
  const Gaps between = gaps(times(arrivals));
  CHECK(within(between.mean_s, 0.125, 0.01));
  CHECK(within(between.cv2, 1, 0.02));
  const auto at = homes(arrivals);
  REQUIRE(at.size() == 10);
  for (const auto& [home, count] : at) {
    CAPTURE(home);
    CHECK(within(count, 20'000, 0.03));
  }
  double service = 0;
  for (const Arrival& arrival : arrivals) service += static_cast<double>(arrival.service);
  CHECK(within(service / 200'000, 1e6, 0.01));
}

TEST_CASE("the rate follows load, capacity and service") {
  const auto mean_s = [](const WorkloadOptions& of) {
    return gaps(times(draw(of, 20'000))).mean_s;
  };
  const double once = mean_s(options());
  WorkloadOptions half_load = options();
  half_load.load_thousandths = 400;
  CHECK(within(mean_s(half_load), 2 * once, 1e-6));
  WorkloadOptions capacity = options();
  capacity.capacity_thousandths = 40'000;
  CHECK(within(mean_s(capacity), once / 4, 1e-4));
  WorkloadOptions service = options();
  service.service = sim::Distribution::exponential(3 * kSecond);
  CHECK(within(mean_s(service), 3 * once, 1e-6));
}

TEST_CASE("arrivals may be closer than a microsecond, and none are lost") {
  WorkloadOptions many = options();
  many.nodes = 1'000'000;
  many.capacity_thousandths = 10'000'000'000;
  CHECK(within(gaps(times(draw(many, 1'000'000))).mean_s, 0.125e-6, 0.005));
}

TEST_CASE("the least load of the slowest node goes on for centuries") {
  WorkloadOptions least = options();
  least.nodes = 1;
  least.capacity_thousandths = 1000;
  least.load_thousandths = 1;
  least.service = sim::Distribution::deterministic(1000 * kSecond);
  const Gaps between = gaps(times(draw(least, 20'000)));
  CHECK(within(between.mean_s, 1e6, 0.02));
}

TEST_CASE("tasks that would come too far apart can be told") {
  WorkloadOptions least = options();
  CHECK(Workload::is_possible(least));
  least.capacity_thousandths = 10;
  least.load_thousandths = 1;
  least.pattern = pattern("bursts:100000");
  least.service = sim::Distribution::deterministic(1000 * kSecond);
  CHECK(!Workload::is_possible(least));
}

TEST_CASE("bursts come at one node at once, as often as the load says") {
  const auto arrivals = draw(options("bursts:25"), 25 * 20'000);
  std::vector<core::Time> bursts;
  std::map<sim::NodeIndex, int> at;
  for (std::size_t i = 0; i < arrivals.size(); i += 25) {
    for (std::size_t j = i; j < i + 25; ++j) {
      REQUIRE(arrivals[j].at == arrivals[i].at);
      REQUIRE(arrivals[j].home == arrivals[i].home);
    }
    bursts.push_back(arrivals[i].at);
    ++at[arrivals[i].home];
  }
  const Gaps between = gaps(bursts);
  CHECK(within(between.mean_s, 25 * 0.125, 0.02));
  CHECK(within(between.cv2, 1, 0.05));
  REQUIRE(at.size() == 10);
  for (const auto& [home, count] : at) CHECK(within(count, 2000, 0.1));
  CHECK(arrivals[0].service != arrivals[1].service);
}

TEST_CASE("hot nodes get everything, the first ones") {
  const auto three = homes(draw(options("hot:3"), 30'000));
  REQUIRE(three.size() == 3);
  CHECK(three.rbegin()->first == 2);
  for (const auto& [home, count] : three) CHECK(within(count, 10'000, 0.05));
  CHECK(homes(draw(options("hot:1"), 100)) == std::map<sim::NodeIndex, int>{{0, 100}});
  CHECK(homes(draw(options("hot:50"), 10'000)).size() == 10);
  // As many in all as without hot nodes.
  CHECK(within(gaps(times(draw(options("hot:3"), 100'000))).mean_s, 0.125, 0.01));
}

TEST_CASE("the same seed gives the same arrivals, another one others") {
  const auto equal = [](const std::vector<Arrival>& a, const std::vector<Arrival>& b) {
    for (std::size_t i = 0; i < a.size(); ++i)
      if (a[i].at != b[i].at || a[i].home != b[i].home || a[i].service != b[i].service)
        return false;
    return true;
  };
  CHECK(equal(draw(options(), 1000, 5), draw(options(), 1000, 5)));
  CHECK(!equal(draw(options(), 1000, 5), draw(options(), 1000, 6)));
}

TEST_CASE("patterns, as they are written") {
  using Kind = ArrivalPattern::Kind;
  CHECK(pattern("poisson").kind == Kind::poisson);
  CHECK(pattern("bursts:2").kind == Kind::bursts);
  CHECK(pattern("bursts:100000").count == 100'000);
  CHECK(pattern("hot:1").kind == Kind::hot);
  CHECK(pattern("hot:1").count == 1);
  for (const std::string text :
       {"", "Poisson", "poisson:2", "bursts", "bursts:", "bursts:1", "bursts:100001", "bursts:2.5",
        "bursts:x", "hot", "hot:0", "hot:-1", "hot:100001", "hot:1:2", "cold:3"}) {
    std::string error;
    CAPTURE(text);
    CHECK(!ArrivalPattern::parse(text, error));
    CHECK(error == "\"" + text +
                       "\" is no arrival pattern; allowed: poisson, bursts:SIZE (2 ... 100000), "
                       "hot:NODES (1 ... 100000), trace:FILE");
  }
}

TEST_CASE("a trace: tasks in order, comments and empty lines between them") {
  const auto arrivals = read(
      "# seconds node service\n"
      "0 3 1.5\n"
      "\n"
      "  0.25\t0   0.000001  # the shortest\n"
      "\r\n"
      "0.25 1 2\r\n"
      "1000000000 2 1000000000");
  REQUIRE(arrivals.size() == 4);
  CHECK(arrivals[0].at == 0);
  CHECK(arrivals[0].home == 3);
  CHECK(arrivals[0].service == 1'500'000);
  CHECK(arrivals[1].at == 250'000);
  CHECK(arrivals[1].service == 1);
  CHECK(arrivals[2].home == 1);
  CHECK(arrivals[3].at == 1'000'000'000 * kSecond);
}

TEST_CASE("a trace: what is no task is refused, with its line") {
  for (const std::string line : {"1",
                                 "1 2",
                                 "1 2 3 4",
                                 "x 2 3",
                                 "1 x 3",
                                 "1 2 x",
                                 "-1 2 3",
                                 "1 -2 3",
                                 "1 2 -3",
                                 "1 2.5 3",
                                 "1s 2 3",
                                 "1 2 3s",
                                 "1 4 3",
                                 "1 99999999999999999999 3",
                                 "1 2 0",
                                 "1 2 0.0000001",
                                 "1e3 2 3",
                                 "1,5 2 3",
                                 ". 2 3",
                                 "1000000001 2 3",
                                 "1 2 1000000001",
                                 "nan 2 3"}) {
    CHECK(refusal("0 0 1\n" + line + "\n") == ":2: \"" + line + "\"" + kNoTask);
  }
}

TEST_CASE("a trace: the line is that of the file, comments counted") {
  CHECK(refusal("# one\n\n0 0 1 # three\nfour\n5 0 1\n") == ":4: \"four\"" + std::string(kNoTask));
}

TEST_CASE("a trace goes by time") {
  CHECK(refusal("2 0 1\n1.999999 0 1\n") ==
        ":2: comes before the task above; allowed: tasks by "
        "time");
  CHECK(read("2 0 1\n2 0 1\n").size() == 2);
}

TEST_CASE("a trace without a task is none") {
  CHECK(refusal("") == ": contains no task");
  CHECK(refusal("# 0 0 1\n\n \t\n") == ": contains no task");
}

TEST_CASE("a trace's lines have a limit") {
  CHECK(read("0 0 1 #" + std::string(900, 'x') + "\n").size() == 1);
  CHECK(refusal("0 0 1\n0 0 1 #" + std::string(5000, 'x') + "\n") ==
        ":2: is longer than 1000 bytes");
  sim::TraceError error;
  CHECK(!sim::read_trace("/dev/zero", 4, error));
  CHECK(error.text == "/dev/zero:1: is longer than 1000 bytes");
}

TEST_CASE("a trace that cannot be read") {
  const auto refused = [](const std::string& path) {
    sim::TraceError error;
    CHECK(!sim::read_trace(path, 4, error));
    CHECK(error.unreadable);
    return error.text;
  };
  CHECK(refused("/nonexistent/trace") ==
        "/nonexistent/trace: cannot be read: No such file or directory");
  CHECK(refused("/") == "/: cannot be read: Is a directory");
}
