// From a plan that fails to the smallest part of it, as far as can be found, that fails alike.
#pragma once

#include <cstdint>
#include <functional>

#include "sim/faults/plan.h"
#include "sim/faults/trial.h"

namespace sim::faults {

struct Shrunk {
  Plan plan;
  Verdict verdict;
  std::uint32_t trials = 0;
};

using CarryOut = std::function<Verdict(const Plan&)>;

// Requires that the plan fails. Makes at most `max_trials` trials.
Shrunk shrink(const Plan& plan, const CarryOut& carry_out, std::uint32_t max_trials = 500);

}  // namespace sim::faults
