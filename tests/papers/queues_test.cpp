// Queues without balancing: M/M/1, M/M/2, M/M/K, processor sharing, deterministic service.
#include "sim/formulas.h"
#include "tests/catch.h"
#include "tests/papers/setting.h"

using namespace papers;

namespace {

// Fifty boards that have nothing to do with each other, for so long that the beginning is
// forgotten: a queue remembers for 1 / (1 - sqrt(rho))^2 service times.
sim::Experiment alone(std::uint32_t load_thousandths) {
  sim::Experiment experiment = setting("none", 50, load_thousandths);
  experiment.warm_up = 40'000;
  experiment.tasks = 500'000;
  return experiment;
}

}  // namespace

TEST_CASE("M/M/1: T = 1 / (1 - rho), and the response time is exponential") {
  sim::Experiment experiment = alone(800);
  const sim::Result result = sim::run(experiment, kJobs);
  CHECK(off_by(result["mean_s"].mean, 5) <= 10);
  CHECK(off_by(result["p50_s"].mean, 5 * 0.693147) <= 10);
  CHECK(off_by(result["p99_s"].mean, 5 * 4.605170) <= 15);
  CHECK(off_by(result["utilisation"].mean, 0.8) <= 10);
  CHECK(result["moves"].mean == 0);
  CHECK(result["messages_probe"].mean == 0);
}

TEST_CASE("M/M/2 as one pool: T = 1 / (1 - rho^2)") {
  sim::Experiment experiment = alone(800);
  experiment.config.load.slots = 2;
  CHECK(off_by(sim::run(experiment, kJobs)["mean_s"].mean, 2.7778) <= 10);
}

TEST_CASE("M/M/K: a central queue") {
  sim::Experiment experiment = setting("none", 50, 950);
  experiment.config.load.slots = 20;
  experiment.warm_up = 100'000;
  experiment.tasks = 400'000;
  CHECK(off_by(sim::run(experiment, kJobs)["mean_s"].mean, sim::formulas::mmk_mean_s(20, 0.95)) <=
        15);
}

// Insensitive: only the mean of the service time counts.
TEST_CASE("processor sharing: T = 1 / (1 - rho), whatever the service times") {
  for (const char* service : {"exponential", "hyperexponential:5"}) {
    sim::Experiment experiment = alone(700);
    experiment.config.load.slots = 1024;
    experiment.processors = 1;
    std::string error;
    experiment.service = *sim::Distribution::parse(service, core::kSecond, error);
    CAPTURE(service);
    CHECK(off_by(sim::run(experiment, kJobs)["mean_s"].mean, 1 / 0.3) <= 20);
  }
}

// Pollaczek and Khinchin: T = 1 + rho / (2 (1 - rho)).
TEST_CASE("M/D/1: half the waiting of M/M/1") {
  sim::Experiment experiment = alone(800);
  experiment.service = sim::Distribution::deterministic(core::kSecond);
  CHECK(off_by(sim::run(experiment, kJobs)["mean_s"].mean, 3) <= 10);
}
