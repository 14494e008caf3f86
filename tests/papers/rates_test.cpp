// Probing at a rate, whatever comes and goes (Minnebo and Van Houdt 2014): each peer sends R probes
// a second in the mean, which is how policies are made comparable there.
#include <cmath>

#include "tests/catch.h"
#include "tests/papers/setting.h"

using namespace papers;

namespace {

// Peers without a task probe; their share is 1 - lambda.
double pull(double lambda, double r) {
  return (1 + r) / (1 + r - lambda);
}
double pull_rate(double lambda, double r) {
  return r / (1 - lambda);
}

// Peers with a waiting task probe. Their share is that of all arrivals that had to wait, lambda^2,
// less those that have found an idle peer, R (1 - lambda).
double push(double lambda, double r) {
  return lambda / ((1 - lambda) * (lambda + r));
}
double push_rate(double lambda, double r) {
  return r / (lambda * lambda - r * (1 - lambda));
}

bool push_wins(double lambda, double r) {
  return 2 * lambda < std::sqrt((r + 1) * (r + 1) + 4 * (r + 1)) - (r + 1);
}

struct Measured {
  double mean_s;
  double probes_per_second;  // of each peer
};

// `rate`: of a peer that probes, per second.
Measured measure(const std::string& preset, std::uint32_t load, double rate,
                 sim::NodeIndex nodes = 1000) {
  sim::Experiment experiment = setting(preset, nodes, load);
  experiment.warm_up = 20 * nodes;
  experiment.tasks = (load > 500 ? 120 : 60) * nodes;
  experiment.config.limits.probe_limit = 1;
  experiment.config.limits.search_retry = std::llround(core::kSecond / rate);
  const sim::Result result = sim::run(experiment, kJobs);
  return {result["mean_s"].mean, result["probes"].mean * load / 1000};
}

void check(const Measured& measured, double mean_s, double r) {
  CAPTURE(measured.mean_s, mean_s, measured.probes_per_second, r);
  CHECK(off_by(measured.mean_s, mean_s) <= 10);
  CHECK(off_by(measured.probes_per_second, r) <= 10);
}

}  // namespace

TEST_CASE("pull: T = (1 + R) / (1 + R - lambda)") {
  CHECK(off_by(pull(0.8, 1), 1.6667) <= 0.1);
  CHECK(off_by(pull(0.95, 1), 1.9048) <= 0.1);
  check(measure("pull", 500, pull_rate(0.5, 1)), 1.3333, 1);
  check(measure("pull", 800, pull_rate(0.8, 1)), 1.6667, 1);
}

TEST_CASE("push: T = lambda / ((1 - lambda) (lambda + R)), for R < lambda^2 / (1 - lambda)") {
  CHECK(off_by(push(0.8, 1), 2.2222) <= 0.1);
  CHECK(off_by(push(0.95, 1), 9.7436) <= 0.1);
  check(measure("push", 800, push_rate(0.8, 1)), 2.2222, 1);
  check(measure("push", 500, push_rate(0.5, 0.25)), push(0.5, 0.25), 0.25);
}

// At R = 0.25 the two are as good as each other at lambda = 0.66.
TEST_CASE("push wins below the load at which 2 lambda = sqrt((R + 1)^2 + 4 (R + 1)) - (R + 1)") {
  constexpr double kR = 0.25;
  constexpr sim::NodeIndex kFew = 200;  // the two are a fifth apart
  for (const std::uint32_t load : {500u, 800u}) {
    const double lambda = load / 1000.0;
    const double by_push = measure("push", load, push_rate(lambda, kR), kFew).mean_s;
    const double by_pull = measure("pull", load, pull_rate(lambda, kR), kFew).mean_s;
    CAPTURE(load, by_push, by_pull);
    CHECK(push_wins(lambda, kR) == (load == 500));
    CHECK((by_push < by_pull) == push_wins(lambda, kR));
  }
}
