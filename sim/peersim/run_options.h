// The options of `peersim run` and of the experiments that build on it: workload, cluster and, as
// the configuration's own keys, everything that peerd's file holds.
#pragma once

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "config/settings.h"
#include "sim/experiment.h"

namespace peersim {

struct RunOptions {
  enum class Format : std::uint8_t { text, json, csv };

  sim::Experiment experiment;
  config::Settings settings, defaults;        // with and without what was given
  std::string service, arrivals, discipline;  // as given
  unsigned jobs = 1;
  Format format = Format::text;
};

// What a verb that runs experiments does in its own way.
struct Verb {
  std::string usage;                            // the head of --help
  std::map<std::string, std::string> defaults;  // other than peersim run's; configuration keys too
  std::vector<std::string> varied;              // options that the verb sets itself
  bool prints_result = true;                    // as text, JSON or CSV
};
extern const Verb kRunVerb;

struct UsageError {
  std::vector<std::string> lines;
  int exit_code = 64;  // EX_USAGE; 78 if the configuration is wrong
};

// `arguments` without program and verb. A string is --help's text.
std::variant<RunOptions, UsageError, std::string> parse_run_options(
    const Verb& verb, const std::vector<std::string>& arguments);

}  // namespace peersim
