#include "sim/experiment.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <optional>
#include <thread>
#include <utility>

#include "core/trace.h"

namespace sim {
namespace {

constexpr std::uint64_t kProgressEvery = 1024;  // tasks
// Arrivals go on after the last measured one, so that it ends under the same load; beyond
// saturation not for ever.
constexpr std::uint64_t kMaxTailFactor = 3;

// Counters of all nodes together, or the difference between two such sums.
struct Sums {
  std::array<std::uint64_t, core::kMessages> messages{};
  std::uint64_t moves = 0;
  core::Duration busy = 0;
  core::Duration overhead = 0;
  core::Time at = 0;
};

Sums sum(World& world) {
  Sums sums;
  for (NodeIndex node = 0; node < world.size(); ++node) {
    const core::Counters& counters = world.core(node).counters();
    for (std::size_t i = 0; i < core::kMessages; ++i) sums.messages[i] += counters.messages_sent[i];
    sums.moves += counters[core::What::handed_off];
    sums.busy += world.busy(node);
    sums.overhead += world.overhead(node);
  }
  sums.at = world.now();
  return sums;
}

// Integrates over time the number of processors that stand idle while as many tasks wait elsewhere,
// in a queue or for their share of a processor.
class Imbalance {
 public:
  Imbalance(World& world, NodeIndex nodes, std::uint64_t processors)
      : world_(world),
        processors_(processors),
        nodes_(nodes, {processors, 0}),
        idle_(nodes * processors) {}

  void step(const StepTaken& step) {
    advance(step.now);
    const core::TaskTable& tasks = world_.core(step.node).tasks();
    const std::uint64_t running = tasks.count(core::Task::Phase::running);
    const std::uint64_t served = std::min(processors_, running);
    const Share share{processors_ - served,
                      tasks.count(core::Task::Phase::waiting) + running - served};
    Share& before = nodes_[step.node];
    idle_ += share.idle - before.idle;
    waiting_ += share.waiting - before.waiting;
    before = share;
  }
  // Processors * us, so far.
  std::uint64_t area(core::Time now) {
    advance(now);
    return area_;
  }

 private:
  struct Share {
    std::uint64_t idle = 0;
    std::uint64_t waiting = 0;
  };

  void advance(core::Time now) {
    area_ += static_cast<std::uint64_t>(now - since_) * std::min(idle_, waiting_);
    since_ = now;
  }

  World& world_;
  std::uint64_t processors_;  // of each node
  std::vector<Share> nodes_;
  core::Time since_ = 0;
  std::uint64_t idle_;
  std::uint64_t waiting_ = 0;
  std::uint64_t area_ = 0;
};

class Replication {
 public:
  Replication(const Experiment& experiment, std::uint32_t number, const Progress& progress);
  Outcome run();

 private:
  std::uint64_t seed() const { return experiment_.seed * 1'000'003 + number_; }
  void populate();
  std::optional<Arrival> next_arrival();
  void submit(const Arrival& arrival);
  bool is_done() const { return responses_.size() + refused_ >= measured_; }
  void stop_measuring();
  bool is_measured(std::uint64_t serial) const {
    return serial > warm_up_ && serial <= warm_up_ + measured_;
  }
  void measure(core::Time now, core::TaskId ended);
  void watch(const StepTaken& step);
  Outcome outcome();

  const Experiment& experiment_;
  std::uint32_t number_;
  const Progress& progress_;
  World world_;
  std::optional<Workload> workload_;  // none: a trace
  Imbalance imbalance_;
  std::uint64_t warm_up_;
  std::uint64_t measured_;
  std::uint64_t submitted_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t max_moves_ = 0;
  core::Duration service_sum_ = 0;
  double slowdown_sum_ = 0;
  std::vector<core::Duration> responses_;
  Sums before_, after_;
  bool stopped_measuring_ = false;
  std::uint64_t idle_before_ = 0, idle_after_ = 0;
};

WorldOptions world_options(const Experiment& experiment, std::uint64_t seed) {
  WorldOptions options = experiment.world;
  options.seed = seed;
  options.forget_ended = true;
  return options;
}

std::uint64_t processors_of(const Experiment& experiment) {
  return experiment.processors > 0 ? experiment.processors : experiment.config.load.slots;
}

std::uint32_t speed_of(const Experiment& experiment, NodeIndex node) {
  return experiment.speeds_thousandths[node % experiment.speeds_thousandths.size()];
}

Replication::Replication(const Experiment& experiment, std::uint32_t number,
                         const Progress& progress)
    : experiment_(experiment),
      number_(number),
      progress_(progress),
      world_(world_options(experiment, seed())),
      imbalance_(world_, experiment.nodes, processors_of(experiment)),
      warm_up_(experiment.warm_up_tasks()),
      measured_(experiment.measured_tasks()) {
  if (experiment.trace.empty()) workload_.emplace(workload_of(experiment), seed() ^ 0x5bd1e995u);
}

void Replication::populate() {
  for (NodeIndex node = 0; node < experiment_.nodes; ++node) {
    NodeOptions options;
    options.config = experiment_.config;
    options.processors = experiment_.processors;
    options.speed_thousandths = speed_of(experiment_, node);
    world_.add(options);
  }
  world_.acquaint(experiment_.config.membership.view);
  world_.watch([this](const StepTaken& step) { watch(step); });
}

std::optional<Arrival> Replication::next_arrival() {
  if (workload_) return workload_->next();
  if (submitted_ == experiment_.trace.size()) return std::nullopt;
  return experiment_.trace[submitted_];
}

Outcome Replication::run() {
  populate();
  const std::uint64_t most = (warm_up_ + measured_) * kMaxTailFactor;
  auto arrival = next_arrival();
  while (arrival && !is_done() && submitted_ < most) {
    world_.run_until(arrival->at);
    submit(*arrival);
    arrival = next_arrival();
  }
  while (!is_done()) world_.run_for(core::kSecond);
  return outcome();
}

void Replication::submit(const Arrival& arrival) {
  const std::uint64_t serial = ++submitted_;
  if (serial == warm_up_ + 1) {
    before_ = sum(world_);
    idle_before_ = imbalance_.area(world_.now());
  }
  Job job;
  job.service = arrival.service;
  job.needs.bundle_bytes = experiment_.bundle_bytes;
  world_.submit(arrival.home, job);
  const bool more_come = workload_ || submitted_ < experiment_.trace.size();
  if (serial == warm_up_ + measured_ && more_come) stop_measuring();
  if (progress_ && serial % kProgressEvery == 0)
    progress_(
        std::min(1.0, static_cast<double>(serial) / static_cast<double>(warm_up_ + measured_)));
}

void Replication::stop_measuring() {
  if (std::exchange(stopped_measuring_, true)) return;
  after_ = sum(world_);
  idle_after_ = imbalance_.area(world_.now());
}

void Replication::measure(core::Time now, core::TaskId id) {
  const TaskHistory& task = world_.history().of(id);
  const core::Duration response = now - task.submitted;
  responses_.push_back(response);
  service_sum_ += task.job.service;
  slowdown_sum_ += static_cast<double>(response) / static_cast<double>(task.job.service);
  max_moves_ = std::max<std::uint64_t>(max_moves_, task.moves);
}

void Replication::watch(const StepTaken& step) {
  imbalance_.step(step);
  if (const auto* exited = std::get_if<core::TaskExited>(&step.event)) {
    if (is_measured(exited->task.serial)) measure(step.now, exited->task);
  } else if (std::holds_alternative<core::TaskSubmitted>(step.event)) {
    for (const core::Action& action : step.actions)
      if (const auto* refused = std::get_if<core::Refused>(&action))
        if (is_measured(refused->task.serial)) ++refused_;
  }
  if (is_done()) stop_measuring();
}

Outcome Replication::outcome() {
  Outcome outcome;
  const auto tasks = static_cast<double>(measured_);
  const auto span = static_cast<double>(std::max<core::Time>(1, after_.at - before_.at));
  const double processors =
      static_cast<double>(processors_of(experiment_)) * static_cast<double>(experiment_.nodes);
  if (!responses_.empty()) {
    std::sort(responses_.begin(), responses_.end());
    const auto ended = static_cast<double>(responses_.size());
    outcome.mean_s = sim::mean_s(responses_);
    outcome.p50_s = percentile_s(responses_, 500);
    outcome.p90_s = percentile_s(responses_, 900);
    outcome.p99_s = percentile_s(responses_, 990);
    outcome.p999_s = percentile_s(responses_, 999);
    outcome.slowdown = outcome.mean_s * ended * core::kSecond / static_cast<double>(service_sum_);
    outcome.mean_slowdown = slowdown_sum_ / ended;
  }
  outcome.refused = static_cast<double>(refused_) / tasks;
  outcome.utilisation = static_cast<double>(after_.busy - before_.busy) / span / processors;
  outcome.idle_while_waiting = static_cast<double>(idle_after_ - idle_before_) / span / processors;
  outcome.moves = static_cast<double>(after_.moves - before_.moves) / tasks;
  outcome.max_moves = static_cast<double>(max_moves_);
  outcome.overhead_s =
      static_cast<double>(after_.overhead - before_.overhead) / tasks / core::kSecond;
  for (std::size_t i = 0; i < core::kMessages; ++i) {
    outcome.by_message[i] = static_cast<double>(after_.messages[i] - before_.messages[i]) / tasks;
    outcome.messages += outcome.by_message[i];
  }
  constexpr std::size_t kProbe = core::Message(core::Probe{}).index();
  outcome.probes = outcome.by_message[kProbe];
  return outcome;
}

std::vector<Quantity> make_quantities() {
  std::vector<Quantity> all = {
      {"mean_s", "mean response time: from a task's submission to the end of its process",
       [](const Outcome& o) { return o.mean_s; }},
      {"p50_s", "half of the tasks took at most so long", [](const Outcome& o) { return o.p50_s; }},
      {"p90_s", "90 % of them did", [](const Outcome& o) { return o.p90_s; }},
      {"p99_s", "99 % of them did", [](const Outcome& o) { return o.p99_s; }},
      {"p999_s", "99.9 % of them did", [](const Outcome& o) { return o.p999_s; }},
      {"slowdown", "mean response time over mean service time; 1: no task ever waited",
       [](const Outcome& o) { return o.slowdown; }},
      {"mean_slowdown",
       "mean of each task's own response time over its service time; short tasks that wait weigh "
       "in",
       [](const Outcome& o) { return o.mean_slowdown; }},
      {"utilisation", "share of all processors' time that tasks, and moving them, took",
       [](const Outcome& o) { return o.utilisation; }},
      {"idle_while_waiting",
       "share of all processors that stood idle while as many tasks waited elsewhere, on average; "
       "a perfect balancer makes it 0",
       [](const Outcome& o) { return o.idle_while_waiting; }},
      {"refused", "tasks refused at their submission, per task",
       [](const Outcome& o) { return o.refused; }},
      {"moves", "handovers from one peer to another, per task",
       [](const Outcome& o) { return o.moves; }},
      {"max_moves", "the most that a single task was moved",
       [](const Outcome& o) { return o.max_moves; }},
      {"probes", "questions for a peer's load, per task",
       [](const Outcome& o) { return o.probes; }},
      {"overhead_s",
       "processor time that moving took, per task (--transfer-cpu and --transfer-cpu-per-mib)",
       [](const Outcome& o) { return o.overhead_s; }},
      {"messages", "datagrams of all kinds, per task", [](const Outcome& o) { return o.messages; }},
  };
  for (std::size_t i = 0; i < core::kMessages; ++i)
    all.push_back({std::string("messages_") + core::message_name(i), "those of one kind, per task",
                   [i](const Outcome& o) { return o.by_message[i]; }});
  return all;
}

}  // namespace

std::uint64_t Experiment::warm_up_tasks() const {
  return trace.empty() ? warm_up : std::min<std::uint64_t>(warm_up, trace.size() / 2);
}

std::uint64_t Experiment::measured_tasks() const {
  return trace.empty() ? tasks : std::min<std::uint64_t>(tasks, trace.size() - warm_up_tasks());
}

WorkloadOptions workload_of(const Experiment& experiment) {
  std::uint64_t capacity = 0;
  for (NodeIndex node = 0; node < experiment.nodes; ++node)
    capacity += processors_of(experiment) * speed_of(experiment, node);
  return {experiment.nodes, experiment.pattern, experiment.service, capacity,
          experiment.load_thousandths};
}

const std::vector<Quantity>& quantities() {
  static const std::vector<Quantity> all = make_quantities();
  return all;
}

Estimate Result::operator[](const std::string& quantity) const {
  const auto found = std::find_if(quantities().begin(), quantities().end(),
                                  [&](const Quantity& one) { return one.name == quantity; });
  assert(found != quantities().end());
  std::vector<double> values;
  for (const Outcome& outcome : replications) values.push_back(found->of(outcome));
  return estimate(values);
}

Outcome replicate(const Experiment& experiment, std::uint32_t replication,
                  const Progress& progress) {
  return Replication(experiment, replication, progress).run();
}

Result run(const Experiment& experiment, unsigned jobs, const Progress& progress) {
  Result result;
  result.replications.resize(experiment.replications);
  std::vector<std::atomic<double>> shares(experiment.replications);
  std::atomic<std::uint32_t> next = 0;
  const auto work = [&] {
    for (std::uint32_t i = next++; i < experiment.replications; i = next++) {
      const Progress of_this = [&, i](double share) {
        shares[i] = share;
        double sum = 0;
        for (const auto& one : shares) sum += one;
        progress(sum / experiment.replications);
      };
      result.replications[i] = replicate(experiment, i, progress ? of_this : Progress());
    }
  };
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < std::min<unsigned>(jobs, experiment.replications); ++i)
    threads.emplace_back(work);
  work();
  threads.clear();
  return result;
}

}  // namespace sim
