// Means, percentiles and confidence intervals. Floating point is for people to read: no decision
// depends on it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/types.h"

namespace sim {

struct Estimate {
  double mean = 0;
  double half_width = -1;  // of the 95 % confidence interval by Student's t; -1: of one value only
};

// Of independent replications' values. Requires at least one.
Estimate estimate(const std::vector<double>& values);

double mean_s(const std::vector<core::Duration>& durations);
// The smallest value that at least that share of them does not exceed. Requires sorted, not empty.
double percentile_s(const std::vector<core::Duration>& sorted, std::uint32_t per_mille);

}  // namespace sim
