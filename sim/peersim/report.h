// What came of an experiment, as a table, JSON or CSV.
#pragma once

#include <string>

#include "sim/experiment.h"
#include "sim/peersim/run_options.h"

namespace peersim {

std::string report(const RunOptions& options, const sim::Result& result);

}  // namespace peersim
