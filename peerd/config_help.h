// The command line's options as Boost wants them, and --help.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <string>

#include "peerd/config_keys.h"

namespace peerd {

boost::program_options::options_description general_options();  // --config, --help, ...
boost::program_options::options_description key_options(const std::string& section);
std::string usage();

}  // namespace peerd
