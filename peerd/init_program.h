// The program init (init.cpp), embedded in whoever starts tasks.
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
