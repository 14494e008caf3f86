// `peersim faults`: trials of the whole protocol under everything that can go wrong.
#pragma once

#include <string>
#include <vector>

namespace peersim {

// The arguments behind the verb. The program's exit code: 0 if all seeds kept all promises, 1 if
// one did not, 64 if the arguments make no sense.
int faults(const std::vector<std::string>& arguments);

}  // namespace peersim
