// A trial in a process of its own: a node that breaks down, by an assertion or worse, takes nothing
// else along.
#pragma once

#include "sim/faults/trial.h"

namespace sim::faults {

// As carry_out(); a breakdown is a broken promise too. Its own words go to standard error, unless
// `quiet`.
Verdict carry_out_guarded(const Plan& plan, const TrialOptions& options = {}, bool quiet = false);

// In a child process: forgets the parent's handling of signals, and says nothing if it is to be
// quiet.
void begin_child(bool quiet);

}  // namespace sim::faults
