// The studies by name: what each varies, and how it is shown.
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"
#include "sim/studies/study.h"

namespace sim::studies {

// What a study starts from; it varies some of it and leaves the rest.
struct Base {
  Experiment experiment;
  config::Settings settings;        // the experiment's configuration as a whole, for a file
  config::Settings defaults;        // what it would be had nobody said anything
  core::Duration message_cost = 0;  // what a message is held to cost, in response time
};

Study load_sweep(const Base& base);
Study queueing(const Base& base);
Study ping_pong(const Base& base);
Study tune(const Base& base);
Study stale(const Base& base);

struct Entry {
  const char* name;
  const char* help;  // one line
  Study (*make)(const Base& base);
  // Options of the experiment that the study itself sets, and defaults other than `peersim run`'s.
  std::vector<const char*> varied;
  std::vector<std::pair<const char*, const char*>> defaults;
};
const std::vector<Entry>& studies();

// The named preset with the base's own thresholds, intervals and ages.
core::PolicyConfig with_preset(const core::PolicyConfig& policy, const std::string& preset);
// Do the formulas of queues of this kind hold for it? Exponential service, Poisson arrivals at all
// peers, first come first served, processors of speed 1.
bool has_formulas(const Experiment& experiment);
// M/M/k, the experiment's service scaled in, as a row. Requires has_formulas() and load < 1.
Row formula(const Experiment& experiment, std::uint32_t k, std::uint32_t load_thousandths);
double mean_service_s(const Experiment& experiment);
// So many tasks to warm up that queues which remember for long have forgotten how it began:
// `memory` times what a single M/M/1 queue needs, 1 / (1 - sqrt(rho))^2 service times.
std::uint64_t warm_up(const Experiment& experiment, double memory);

}  // namespace sim::studies
