// The setting of the papers: identical peers with one server each, Poisson arrivals, exponential
// service of mean 1 s, first come first served; messages and moves take no time.
#pragma once

#include <string>

#include "sim/experiment.h"

namespace papers {

constexpr unsigned kJobs = 2;

// Searches on arrivals and departures alone.
sim::Experiment setting(const std::string& preset, sim::NodeIndex nodes,
                        std::uint32_t load_thousandths);

// How far from the truth, in thousandths of it.
double off_by(double value, double truth);

}  // namespace papers
