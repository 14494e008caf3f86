#pragma once

#include <string>
#include <vector>

namespace peersim {

// `peersim run`. The exit code.
int run(const std::vector<std::string>& arguments);

}  // namespace peersim
