// Where this program's companions are: all are installed in one directory.
#pragma once

#include <string>

namespace peerd {

// The path of the program called `name` beside the one that runs.
std::string program_beside(const std::string& name);

}  // namespace peerd
