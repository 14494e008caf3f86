// `peersim experiment`: one of the studies, written to a directory as table, chart and summary.
#pragma once

#include <string>
#include <vector>

namespace peersim {

// The arguments behind the verb. The exit code: 64 bad arguments, 69 the chart cannot be drawn, 73
// nothing can be written there, 78 the configuration is wrong.
int experiment(const std::vector<std::string>& arguments);

}  // namespace peersim
