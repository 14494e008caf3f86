// The options of `peersim run` and of the experiments that build on it: workload, cluster and, as
// the configuration's own keys, everything that peerd's file holds.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "config/settings.h"
#include "sim/experiment.h"
#include "sim/peersim/option_table.h"

namespace peersim {

struct RunOptions {
  enum class Format : std::uint8_t { text, json, csv };

  sim::Experiment experiment;
  config::Settings settings, defaults;        // with and without what was given
  std::string service, arrivals, discipline;  // as given
  std::vector<std::string> unused;            // what the file says in vain, a line each
  unsigned jobs = 1;
  Format format = Format::text;
};

struct UsageError {
  std::vector<std::string> lines;
  int exit_code = 0;  // of the first line: see exits.h
};

// `arguments` without program and verb. A string is --help's text.
std::variant<RunOptions, UsageError, std::string> parse_run_options(
    const Verb& verb, const std::vector<std::string>& arguments);

}  // namespace peersim
