#include "sim/peersim/option_table.h"

#include <algorithm>

#include "sim/peersim/run_help.h"

namespace peersim {
namespace {

namespace po = boost::program_options;

constexpr char kCluster[] = "The cluster", kWorkload[] = "The workload", kRun[] = "The run";

struct Option {
  const char* group;
  const char* name;
  const char* argument;
  const char* otherwise;
  const char* help;
};

constexpr Option kOptions[] = {
    {kCluster, "nodes", "COUNT", "40", "how many peers"},
    {kCluster, "discipline", "NAME", "fcfs",
     "fcfs: each slot is a processor; ps: one processor per peer, shared by its slots"},
    {kCluster, "speeds", "LIST", "1", "of the peers in turn, as 1,1,0.5"},
    {kCluster, "delay", "TIME", "0", "of each message, one way"},
    {kCluster, "transfer-time", "TIME", "0", "of each task on the link"},
    {kCluster, "bandwidth", "SIZE", "0", "of the link per second for tasks' files; 0: unlimited"},
    {kCluster, "transfer-cpu", "TIME", "0", "of the sender's processor for each task sent"},
    {kCluster, "transfer-cpu-per-mib", "TIME", "0", "the same for each MiB of its files"},
    {kWorkload, "load", "RHO", "0.8", "offered work over capacity; above 1 queues grow for ever"},
    {kWorkload, "service", "SHAPE", "exponential",
     "exponential; deterministic; pareto:ALPHA:RATIO, where the longest is RATIO times the "
     "shortest; "
     "hyperexponential:CV2, which is the variance over the squared mean"},
    {kWorkload, "mean-service", "TIME", "1s", "on a processor of speed 1"},
    {kWorkload, "arrivals", "PATTERN", "poisson",
     "poisson: one by one at any peer; bursts:SIZE: so many at one peer at once; hot:NODES: one by "
     "one at the first so many peers; trace:FILE: see below"},
    {kWorkload, "task-size", "SIZE", "0", "of each task's files"},
    {kRun, "tasks", "COUNT", "100000", "measured in each replication"},
    {kRun, "warm-up", "COUNT", "10000", "tasks before them"},
    {kRun, "replications", "COUNT", "5", "with different seeds, for the confidence intervals"},
    {kRun, "seed", "NUMBER", "1", "the same seed gives the same output, byte for byte"},
    {kRun, "jobs", "COUNT", "0", "replications at once; 0: as many as processors"},
};

}  // namespace

bool Verb::varies(const std::string& option) const {
  return std::find(varied.begin(), varied.end(), option) != varied.end();
}

po::options_description options_of(const Verb& verb, bool with_varied) {
  po::options_description all;
  for (const char* group : {kCluster, kWorkload, kRun}) {
    po::options_description some(group, kHelpColumns);
    for (const Option& option : kOptions) {
      if (option.group != group || (!with_varied && verb.varies(option.name))) continue;
      const auto given = verb.defaults.find(option.name);
      const std::string otherwise = given == verb.defaults.end() ? option.otherwise : given->second;
      const auto value =
          po::value<std::string>()->value_name(option.argument)->default_value(otherwise);
      some.add_options()(option.name, value, option.help);
    }
    if (group == kRun && verb.prints_result)
      some.add_options()("json", "print JSON")("csv", "print CSV");
    if (group == kRun) some.add_options()("help,h", "print this and end");
    all.add(some);
  }
  return all;
}

}  // namespace peersim
