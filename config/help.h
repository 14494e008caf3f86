// The command line's options as Boost wants them, and --help.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <string>

#include "config/keys.h"

namespace config {

boost::program_options::options_description general_options();  // --config, --help, ...
boost::program_options::options_description key_options(const std::string& section);
std::string usage();

}  // namespace config
