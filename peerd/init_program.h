// The program init (init.cpp), embedded in whoever starts tasks.
#pragma once

#include <string_view>

namespace peerd {

std::string_view init_program();

}  // namespace peerd
