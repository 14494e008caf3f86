// Probing on arrivals and departures, against the mean-field forms.
#include <cmath>

#include "tests/catch.h"
#include "tests/papers/setting.h"

using namespace papers;

namespace {

double supermarket(double rho, int d) {
  double sum = 0;
  for (int i = 1; i < 60; ++i) {
    const double exponent = (std::pow(d, i) - d) / (d - 1);
    sum += std::pow(rho, exponent);
  }
  return sum;
}

// p_i grows by alpha = lambda (1 + q (1 - q^L) / (1 - q)) up to i = T, then by beta = lambda q^L,
// where q is the share of peers with T tasks or more.
double threshold(double lambda, int t, int l) {
  double low = 0, high = 1;
  double mean = 0;
  for (int step = 0; step < 200; ++step) {
    const double q = (low + high) / 2;
    const double ql = std::pow(q, l);
    const double alpha = lambda * (1 + q * (1 - ql) / (1 - q));
    const double beta = lambda * ql;
    double p = 1, sum = 0, at_least_t = 0, tasks = 0;
    for (int i = 0; i < 4000; ++i) {
      sum += p;
      tasks += i * p;
      if (i >= t) at_least_t += p;
      p *= i < t ? alpha : beta;
    }
    mean = tasks / sum / lambda;
    (at_least_t / sum > q ? low : high) = q;
  }
  return mean;
}

// pi_1 (1 - lambda + pi_1)^L = lambda (1 - lambda); T = lambda / pi_1.
double receiver(double lambda, int l) {
  double low = 0, high = lambda;
  for (int step = 0; step < 200; ++step) {
    const double pi = (low + high) / 2;
    (pi * std::pow(1 - lambda + pi, l) < lambda * (1 - lambda) ? low : high) = pi;
  }
  return lambda / low;
}

double mean_of(const std::string& preset, const std::string& location, std::uint32_t load,
               core::Load t, std::uint32_t probes, sim::NodeIndex nodes = 1000) {
  sim::Experiment experiment = setting(preset, nodes, load);
  experiment.config.policy.location = location;
  experiment.config.policy.threshold = t;
  experiment.config.limits.probe_limit = probes;
  if (load > 900) experiment.warm_up = 60'000;
  if (probes == 1) experiment.tasks = 300'000;
  if (nodes < 1000 && load <= 500) experiment.tasks = 60'000;
  if (nodes < 1000 && load > 900) experiment.tasks = 600'000;  // few queues, long memory
  return sim::run(experiment, kJobs)["mean_s"].mean;
}

}  // namespace

TEST_CASE("d choices: T = sum of rho^((d^i - d) / (d - 1))") {
  CHECK(off_by(supermarket(0.8, 2), 1.9474) <= 0.1);
  CHECK(off_by(mean_of("sender", "shortest", 800, 0, 1), supermarket(0.8, 2)) <= 10);
  CHECK(off_by(mean_of("sender", "shortest", 500, 0, 1), supermarket(0.5, 2)) <= 10);
}

TEST_CASE("Threshold, by T and L") {
  CHECK(off_by(threshold(0.8, 1, 3), 1.6938) <= 0.1);
  CHECK(off_by(threshold(0.95, 2, 3), 2.7053) <= 0.1);
  CHECK(off_by(mean_of("sender", "threshold", 500, 1000, 3), 1.0667) <= 10);
  CHECK(off_by(mean_of("sender", "threshold", 800, 1000, 3), 1.6938) <= 10);
  CHECK(off_by(mean_of("sender", "threshold", 800, 2000, 3), 1.6944) <= 10);
  CHECK(off_by(mean_of("sender", "threshold", 800, 2000, 1), threshold(0.8, 2, 1)) <= 10);
  CHECK(off_by(mean_of("sender", "threshold", 950, 2000, 3), 2.7053) <= 10);
}

TEST_CASE("Receiver, by L") {
  CHECK(off_by(receiver(0.8, 3), 1.6358) <= 0.1);
  CHECK(off_by(mean_of("receiver", "receiver", 500, 1000, 1), 1.6180) <= 10);
  CHECK(off_by(mean_of("receiver", "receiver", 800, 1000, 1), 2.5616) <= 10);
  CHECK(off_by(mean_of("receiver", "receiver", 800, 1000, 3), 1.6358) <= 10);
}

// One run each there, of unknown length: about 1 %.
TEST_CASE("few peers: simulated elsewhere") {
  const struct {
    sim::NodeIndex nodes;
    const char* preset;
    const char* location;
    core::Load threshold;
    double mean_s[2];  // at load 0.5, 0.8
  } cases[] = {
      {20, "sender", "threshold", 1000, {1.085, 1.817}},
      {20, "sender", "threshold", 2000, {1.387, 1.775}},
      {20, "sender", "shortest", 2000, {1.352, 1.705}},
      {20, "receiver", "receiver", 1000, {1.333, 1.676}},
      {40, "sender", "threshold", 2000, {1.387, 1.733}},
      {40, "receiver", "receiver", 1000, {1.335, 1.654}},
      {40, "symmetric", "symmetric", 1000, {1.029, 1.199}},
  };
  for (const auto& one : cases) {
    CAPTURE(one.nodes, one.location, one.threshold);
    const auto mean = [&](std::uint32_t load) {
      return mean_of(one.preset, one.location, load, one.threshold, 3, one.nodes);
    };
    CHECK(off_by(mean(500), one.mean_s[0]) <= 20);
    CHECK(off_by(mean(800), one.mean_s[1]) <= 20);
  }
}

// "Shortest" of Eager, Lazowska and Zahorjan takes no queue of T or more (3.33 at this load), the
// textbook's takes any that is shorter than the own one. Its value is from a simulation of forty
// lines that has nothing in common with this one, of 10,000,000 tasks.
TEST_CASE("few peers, nearly saturated") {
  CHECK(off_by(mean_of("sender", "threshold", 950, 2000, 3, 20), 3.49) <= 20);
  CHECK(off_by(mean_of("sender", "shortest", 950, 2000, 3, 20), 2.787) <= 20);
  CHECK(off_by(mean_of("receiver", "receiver", 950, 1000, 3, 20), 2.74) <= 20);
}
