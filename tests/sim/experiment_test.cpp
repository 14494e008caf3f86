// Experiments: what can be repeated, what is replayed, and quantities worked out by hand.
#include "sim/experiment.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "policies/registry.h"
#include "tests/catch.h"

using core::kSecond;
using sim::Arrival;
using sim::Experiment;
using sim::Outcome;

namespace {

Experiment experiment(const std::string& preset = "sender") {
  Experiment experiment;
  experiment.nodes = 8;
  experiment.config.policy = policies::preset(preset).value();
  experiment.config.limits.search_retry = 0;
  experiment.config.membership.probe_interval = 3600 * kSecond;
  experiment.world.link = {
      .delay_min = 0, .delay_max = 0, .stream_latency = 0, .stream_bytes_per_second = UINT64_MAX};
  experiment.warm_up = 200;
  experiment.tasks = 2000;
  experiment.replications = 3;
  return experiment;
}

// Two nodes without balancing and exactly these tasks, all of them measured.
Experiment traced(std::vector<Arrival> trace) {
  Experiment of = experiment("none");
  of.nodes = 2;
  of.trace = std::move(trace);
  of.warm_up = 0;
  return of;
}

Arrival task(double at_s, sim::NodeIndex home, double service_s) {
  return {static_cast<core::Time>(at_s * kSecond), home,
          static_cast<core::Duration>(service_s * kSecond)};
}

// All quantities of all replications.
std::vector<double> numbers(const sim::Result& result) {
  std::vector<double> all;
  for (const Outcome& outcome : result.replications)
    for (const sim::Quantity& quantity : sim::quantities()) all.push_back(quantity.of(outcome));
  return all;
}

bool near(double value, double truth) {
  return std::abs(value - truth) <= 1e-9 * std::max(1.0, std::abs(truth));
}

}  // namespace

TEST_CASE("the result does not depend on how many replications run at once") {
  const auto one = numbers(sim::run(experiment(), 1));
  CHECK(one == numbers(sim::run(experiment(), 2)));
  CHECK(one == numbers(sim::run(experiment(), 7)));
}

TEST_CASE("the same seed gives the same outcome, another one another") {
  const Outcome first = sim::replicate(experiment(), 0);
  CHECK(first.mean_s == sim::replicate(experiment(), 0).mean_s);
  CHECK(first.messages == sim::replicate(experiment(), 0).messages);
  CHECK(first.mean_s != sim::replicate(experiment(), 1).mean_s);
  Experiment other = experiment();
  other.seed = 2;
  CHECK(first.mean_s != sim::replicate(other, 0).mean_s);
}

TEST_CASE("progress goes up to the end") {
  double last = 0;
  sim::run(experiment(), 1, [&](double share) {
    CHECK(share >= last);
    last = share;
  });
  CHECK(last > 0.5);
  CHECK(last <= 1);
}

TEST_CASE("a trace, worked out by hand") {
  // Node 0: 0 to 4, then 4 to 6. Node 1: 5 to 6, all over at 6.
  const Outcome of = sim::replicate(traced({task(0, 0, 4), task(1, 0, 2), task(5, 1, 1)}), 0);
  CHECK(near(of.mean_s, (4.0 + 5 + 1) / 3));
  CHECK(near(of.p50_s, 4));
  CHECK(near(of.p90_s, 5));
  CHECK(near(of.slowdown, 10.0 / 7));
  CHECK(near(of.mean_slowdown, (1 + 2.5 + 1) / 3));
  CHECK(near(of.utilisation, 7.0 / 6 / 2));
  CHECK(near(of.idle_while_waiting, 3.0 / 6 / 2));
  CHECK(of.refused == 0);
  CHECK(of.moves == 0);
  CHECK(of.messages == 0);
}

TEST_CASE("idle while waiting counts a node to which nothing ever comes") {
  const Outcome of = sim::replicate(traced({task(0, 0, 4), task(0, 0, 4)}), 0);
  CHECK(near(of.idle_while_waiting, 4.0 / 8 / 2));
}

TEST_CASE("idle while waiting: as many as are idle or as wait, whichever is less") {
  Experiment four = traced({task(0, 0, 4), task(0, 0, 4), task(0, 0, 4), task(0, 1, 4)});
  four.nodes = 4;
  // Two wait and two are idle until 4; one waits and three are idle until 8; none waits until 12.
  const Outcome of = sim::replicate(four, 0);
  CHECK(near(of.idle_while_waiting, (2.0 * 4 + 1 * 4) / 12 / 4));
}

TEST_CASE("idle while waiting: a processor is, while others are shared") {
  Experiment shared = traced({task(0, 0, 4), task(0, 0, 4)});
  shared.config.load.slots = 100;
  shared.processors = 1;
  const Outcome of = sim::replicate(shared, 0);
  CHECK(near(of.mean_s, 8));
  CHECK(near(of.idle_while_waiting, 0.5));
}

TEST_CASE("what comes before the measured tasks does not count") {
  Experiment of =
      traced({task(0, 0, 10), task(0, 0, 10), task(4, 1, 1), task(8, 1, 1), task(40, 0, 1)});
  of.warm_up = 2;
  of.tasks = 2;
  // From 4 to 8: node 1 works for 1 s and then stands idle while one task waits at node 0.
  const Outcome outcome = sim::replicate(of, 0);
  CHECK(near(outcome.mean_s, 1));
  CHECK(near(outcome.idle_while_waiting, 3.0 / 4 / 2));
  CHECK(near(outcome.utilisation, 5.0 / 4 / 2));
}

TEST_CASE("a trace that is a single burst is measured to its end") {
  Experiment burst = experiment("sender");
  burst.nodes = 4;
  burst.warm_up = 0;
  for (int i = 0; i < 8; ++i) burst.trace.push_back(task(0, 0, 10));
  const Outcome of = sim::replicate(burst, 0);
  CHECK(of.moves > 0);
  CHECK(of.moves <= 1);
  CHECK(of.utilisation > 0.25);
  CHECK(of.utilisation <= 1);
}

TEST_CASE("a trace gives at most half of itself for warming up") {
  Experiment of = traced({task(0, 0, 1), task(1, 0, 1), task(2, 0, 1)});
  CHECK(of.warm_up_tasks() == 0);
  CHECK(of.measured_tasks() == 3);
  of.warm_up = 1000;
  CHECK(of.warm_up_tasks() == 1);
  CHECK(of.measured_tasks() == 2);
  of.tasks = 1;
  CHECK(of.measured_tasks() == 1);
  of.trace.clear();
  CHECK(of.warm_up_tasks() == 1000);
}

TEST_CASE("a trace is replayed exactly: first come, first served, task by task") {
  Experiment replay = traced({});
  replay.tasks = 5000;
  sim::Workload workload({.nodes = 2, .capacity_thousandths = 2000, .load_thousandths = 900}, 3);
  for (int i = 0; i < 5000; ++i) replay.trace.push_back(workload.next());
  core::Time free_at[2] = {};
  core::Duration sum = 0, longest = 0;
  for (const Arrival& arrival : replay.trace) {
    core::Time& free = free_at[arrival.home];
    free = std::max(free, arrival.at) + arrival.service;
    sum += free - arrival.at;
    longest = std::max(longest, free - arrival.at);
  }
  const Outcome of = sim::replicate(replay, 0);
  CHECK(near(of.mean_s, static_cast<double>(sum) / 5000 / kSecond));
  CHECK(of.p999_s <= static_cast<double>(longest) / kSecond);
  // Without policies that draw, other seeds change nothing.
  CHECK(sim::replicate(replay, 1).mean_s == of.mean_s);
}

TEST_CASE("what moving costs is seen, and delays what runs") {
  Experiment costly = experiment("sender");
  costly.bundle_bytes = 2 << 20;
  costly.world.transfer_cpu_per_task = 10'000;
  costly.world.transfer_cpu_per_mebibyte = 20'000;
  const Outcome of = sim::replicate(costly, 0);
  CHECK(of.moves > 0);
  // Sent in vain, or not yet handed over at the edges, costs too.
  CHECK(std::abs(of.overhead_s - of.moves * 0.05) < 0.001);
  CHECK(of.mean_s > sim::replicate(experiment("sender"), 0).mean_s);
}

TEST_CASE("a faster half of the nodes takes its share of the work") {
  Experiment mixed = experiment("none");
  mixed.nodes = 2;
  mixed.speeds_thousandths = {1000, 3000};
  mixed.trace = {task(0, 0, 3), task(0, 1, 3), task(10, 0, 1)};
  mixed.warm_up = 0;
  const Outcome of = sim::replicate(mixed, 0);
  CHECK(near(of.mean_s, (3.0 + 1 + 1) / 3));
  CHECK(sim::workload_of(mixed).capacity_thousandths == 4000);
}

TEST_CASE("tasks that are refused are counted, not waited for") {
  Experiment narrow = traced({task(0, 0, 5), task(1, 0, 5), task(2, 0, 5), task(3, 0, 5)});
  narrow.config.limits.queue_length = 1;
  const Outcome of = sim::replicate(narrow, 0);
  CHECK(near(of.refused, 0.5));
  CHECK(near(of.mean_s, (5.0 + 9) / 2));
}

TEST_CASE("a result estimates every quantity") {
  const sim::Result result = sim::run(experiment(), 2);
  for (const sim::Quantity& quantity : sim::quantities()) {
    CAPTURE(quantity.name);
    CHECK(result[quantity.name].half_width >= 0);
  }
  CHECK(sim::quantities().size() == 15 + core::kMessages);
  CHECK(near(result["mean_s"].mean, (result.replications[0].mean_s + result.replications[1].mean_s +
                                     result.replications[2].mean_s) /
                                        3));
}
