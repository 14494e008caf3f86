// One plan carried out: a storm in which nothing bad may happen, then calm weather, in which
// everything good must.
#pragma once

#include <cstdint>
#include <string>

#include "core/types.h"
#include "sim/faults/plan.h"

namespace sim::faults {

struct Verdict {
  std::string broken;  // the promise; empty if all were kept
  core::Time at = 0;
  std::uint64_t events = 0;
  std::string transcript;  // its end, if it was asked for

  bool failed() const { return !broken.empty(); }
};

struct TrialOptions {
  std::size_t transcript_lines = 0;  // how many of the last to keep
};

constexpr unsigned kPatience_s = 60;  // a trial takes a fraction of a second; one that hangs ends

// Ends at the step that breaks a promise.
Verdict carry_out(const Plan& plan, const TrialOptions& options = {});

}  // namespace sim::faults
