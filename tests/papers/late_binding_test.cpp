// Late binding: announced to all it is one queue for all; the best known policy comes near it.
#include "tests/catch.h"
#include "tests/papers/setting.h"

using namespace papers;

namespace {

// One board with as many slots, and the very same tasks at the same times.
sim::Result central_queue(sim::Experiment experiment) {
  const auto nodes = experiment.nodes;
  experiment.config.policy.transfer = "never";
  experiment.config.load.slots = nodes;
  experiment.config.load.weight_thousandths = nodes * 1000;
  experiment.nodes = 1;
  return sim::run(experiment, kJobs);
}

}  // namespace

TEST_CASE("late binding to all peers is M/M/N: nobody idles while a task waits") {
  for (const std::uint32_t load : {500u, 800u, 950u}) {
    sim::Experiment experiment = setting("late_binding", 20, load);
    experiment.config.limits.probe_limit = 19;
    experiment.tasks = 40'000;
    const sim::Result late = sim::run(experiment, kJobs);
    const sim::Result central = central_queue(experiment);
    CAPTURE(load);
    CHECK(late["idle_while_waiting"].mean == 0);
    CHECK(off_by(late["mean_s"].mean, central["mean_s"].mean) <= 1);
    CHECK(off_by(late["p99_s"].mean, central["p99_s"].mean) <= 15);
  }
}

TEST_CASE("late binding at home and three more: simulated elsewhere") {
  sim::Experiment experiment = setting("late_binding", 40, 800);
  experiment.tasks = 100'000;
  const sim::Result result = sim::run(experiment, kJobs);
  CHECK(off_by(result["mean_s"].mean, 1.170) <= 20);
  CHECK(off_by(result["probes"].mean, 2.0) <= 30);
}

TEST_CASE("best is near the central queue at five probes a task at most") {
  const struct {
    std::uint32_t load;
    double mean_thousandths;
  } cases[] = {{500, 10}, {700, 10}, {800, 15}, {950, 20}};
  for (const auto& [load, thousandths] : cases) {
    sim::Experiment experiment = setting("best", 40, load);
    experiment.config.limits.probe_limit = 5;
    experiment.tasks = 60'000;
    const sim::Result best = sim::run(experiment, kJobs);
    const sim::Result central = central_queue(experiment);
    CAPTURE(load);
    CHECK(off_by(best["mean_s"].mean, central["mean_s"].mean) <= thousandths);
    CHECK(off_by(best["p99_s"].mean, central["p99_s"].mean) <= 40);
    CHECK(best["probes"].mean <= 5);
  }
}

// A handoff takes six messages one after the other: who fetches when it is idle already waits for
// them. `lookahead` fetches before, and at no delay is nothing but `threshold`.
TEST_CASE("best looks ahead where messages take time") {
  sim::Experiment experiment = setting("best", 40, 950);
  experiment.tasks = 30'000;
  experiment.warm_up = 10'000;
  const auto mean = [&](const char* transfer, core::Duration delay) {
    experiment.config.policy.transfer = transfer;
    experiment.config.limits.probe_timeout = core::kSecond;
    experiment.world.link.delay_min = experiment.world.link.delay_max = delay;
    return sim::run(experiment, kJobs)["mean_s"].mean;
  };
  CHECK(mean("lookahead", 0) == mean("threshold", 0));
  CHECK(mean("lookahead", core::kSecond / 5) < 0.7 * mean("threshold", core::kSecond / 5));
}
