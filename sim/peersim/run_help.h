// What `peersim run --help` prints.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <string>

namespace peersim {

constexpr unsigned kHelpColumns = 100;

std::string run_help(const boost::program_options::options_description& options);

}  // namespace peersim
