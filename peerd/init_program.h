// The program init (init.cpp), as bytes of whoever starts tasks: what is installed is one file, and
// cannot be of two versions.
#pragma once

#include <string>
#include <string_view>

#include "peerd/unique_fd.h"

namespace peerd {

std::string_view init_program();

// To be executed, as SpawnRequest::init_fd, if this process can start others in PID namespaces;
// else none, and why not.
UniqueFd open_init(std::string& reason);

}  // namespace peerd
