#include "sim/peersim/run.h"

#include <cstdio>

#include "sim/peersim/progress.h"
#include "sim/peersim/report.h"
#include "sim/peersim/run_help.h"
#include "sim/peersim/run_options.h"

namespace peersim {

int run(const std::vector<std::string>& arguments) {
  const auto parsed =
      parse_run_options({.name = "run", .help = run_help, .defaults = {}, .varied = {}}, arguments);
  if (const auto* help = std::get_if<std::string>(&parsed)) {
    std::fputs(help->c_str(), stdout);
    return 0;
  }
  if (const auto* error = std::get_if<UsageError>(&parsed)) {
    for (const std::string& line : error->lines)
      std::fprintf(stderr, "peersim: %s\n", line.c_str());
    return error->exit_code;
  }
  const auto& options = std::get<RunOptions>(parsed);
  ProgressBar bar("simulating");
  const sim::Result result = sim::run(options.experiment, options.jobs, bar.progress());
  std::fputs(report(options, result).c_str(), stdout);
  return 0;
}

}  // namespace peersim
