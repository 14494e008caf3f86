#include "sim/peersim/run_options.h"

#include <algorithm>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>
#include <cassert>
#include <optional>
#include <sstream>
#include <thread>

#include "config/keys.h"
#include "config/units.h"

namespace peersim {
namespace {

namespace po = boost::program_options;
using config::Unit;

constexpr char kRunUsage[] =
    "Usage: peersim run [OPTION]... [--config FILE] [--SECTION.KEY=VALUE]...\n"
    "\n"
    "Runs peerd's own core and policies in virtual time and says how long tasks take. Policies, "
    "limits\n"
    "and all else that peerd is configured with are the same keys here (peerd --help lists them);\n"
    "unlike there, limits.search_retry is 0, load.slots 1 and membership.probe_interval 1h unless\n"
    "given.\n\n";

// What the simulator takes where peerd has this machine's values: one slot, searches on arrivals
// and departures alone, and no failure detection in a world without failures.
config::Settings simulated_defaults(const Verb& verb) {
  config::Settings settings = config::default_settings();
  settings.core.load.slots = 1;
  settings.core.load.weight_thousandths = 1000;
  settings.core.limits.search_retry = 0;
  settings.core.limits.finished_tasks = 1;
  settings.core.membership.probe_interval = 3600 * core::kSecond;
  for (const config::Key& key : config::keys()) {
    const auto given = verb.defaults.find(key.full_name());
    if (given == verb.defaults.end()) continue;
    [[maybe_unused]] const auto error = key.parse(given->second, settings);
    assert(!error);
  }
  return settings;
}

struct Range {
  std::int64_t min, max;
};

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
     "exponential, deterministic, pareto:ALPHA:RATIO or hyperexponential:CV2"},
    {kWorkload, "mean-service", "TIME", "1s", "on a processor of speed 1"},
    {kWorkload, "arrivals", "PATTERN", "poisson", "poisson, bursts:SIZE, hot:NODES or trace:FILE"},
    {kWorkload, "task-size", "SIZE", "0", "of each task's files"},
    {kRun, "tasks", "COUNT", "100000", "measured in each replication"},
    {kRun, "warm-up", "COUNT", "10000", "tasks before them"},
    {kRun, "replications", "COUNT", "5", "with different seeds, for the confidence intervals"},
    {kRun, "seed", "NUMBER", "1", "the same seed gives the same output, byte for byte"},
    {kRun, "jobs", "COUNT", "0", "replications at once; 0: as many as processors"},
};

class Parser {
 public:
  explicit Parser(const Verb& verb) : verb_(verb) {}
  std::variant<RunOptions, UsageError, std::string> parse(
      const std::vector<std::string>& arguments);

 private:
  po::options_description options(bool with_varied) const;
  bool varies(const std::string& name) const;
  void refuse_varied(const std::vector<std::string>& for_configuration);
  void take_quantities();
  void take_workload();
  void take_configuration(const std::vector<std::string>& arguments);
  void take_format();
  template <typename Number>
  void quantity(const char* name, Unit unit, Range range, Number& field);
  std::string text(const char* name) const { return given_[name].as<std::string>(); }
  void complain(const std::string& line) { error_.lines.push_back(line); }

  const Verb& verb_;
  po::variables_map given_;
  RunOptions result_;
  UsageError error_;
};

po::options_description Parser::options(bool with_varied) const {
  po::options_description all;
  for (const char* group : {kCluster, kWorkload, kRun}) {
    po::options_description some(group, 100);
    for (const Option& option : kOptions) {
      if (option.group != group || (!with_varied && varies(option.name))) continue;
      const auto given = verb_.defaults.find(option.name);
      const std::string otherwise =
          given == verb_.defaults.end() ? option.otherwise : given->second;
      const auto value =
          po::value<std::string>()->value_name(option.argument)->default_value(otherwise);
      some.add_options()(option.name, value, option.help);
    }
    if (group == kRun && verb_.prints_result)
      some.add_options()("json", "print JSON")("csv", "print CSV");
    if (group == kRun) some.add_options()("help,h", "print this and end");
    all.add(some);
  }
  return all;
}

bool Parser::varies(const std::string& name) const {
  return std::find(verb_.varied.begin(), verb_.varied.end(), name) != verb_.varied.end();
}

// Those of the configuration as well, on the command line; a file may name them.
void Parser::refuse_varied(const std::vector<std::string>& for_configuration) {
  for (const std::string& name : verb_.varied) {
    const bool is_option = given_.contains(name) && !given_[name].defaulted();
    const bool is_key = std::any_of(
        for_configuration.begin(), for_configuration.end(), [&](const std::string& argument) {
          return argument == "--" + name || argument.starts_with("--" + name + "=");
        });
    if (is_option || is_key)
      complain("--" + name + ": the experiment sets it itself; leave it out");
  }
}

template <typename Number>
void Parser::quantity(const char* name, Unit unit, Range range, Number& field) {
  std::string error;
  const auto value = config::parse_quantity(unit, text(name), error);
  if (value && *value >= range.min && *value <= range.max) {
    field = static_cast<Number>(*value);
    return;
  }
  if (value) error = config::quoted(text(name)) + " is out of range";
  complain("--" + std::string(name) + ": " + error +
           "; allowed: " + config::print_quantity(unit, range.min) + " ... " +
           config::print_quantity(unit, range.max));
}

void Parser::take_quantities() {
  sim::Experiment& experiment = result_.experiment;
  constexpr std::int64_t kHour = 3600 * core::kSecond;
  quantity("nodes", Unit::count, {1, 1'000'000}, experiment.nodes);
  quantity("load", Unit::thousandths, {1, 10'000}, experiment.load_thousandths);
  quantity("task-size", Unit::size, {0, std::int64_t{1} << 40}, experiment.bundle_bytes);
  quantity("tasks", Unit::count, {100, 1'000'000'000}, experiment.tasks);
  quantity("warm-up", Unit::count, {0, 1'000'000'000}, experiment.warm_up);
  quantity("replications", Unit::count, {1, 1000}, experiment.replications);
  quantity("seed", Unit::count, {0, INT64_MAX}, experiment.seed);
  quantity("jobs", Unit::count, {0, 1024}, result_.jobs);
  if (result_.jobs == 0) result_.jobs = std::max(1u, std::thread::hardware_concurrency());
  sim::Link& link = experiment.world.link;
  quantity("delay", Unit::duration, {0, kHour}, link.delay_min);
  link.delay_max = link.delay_min;
  quantity("transfer-time", Unit::duration, {0, kHour}, link.stream_latency);
  std::uint64_t bandwidth = 0;
  quantity("bandwidth", Unit::size, {0, std::int64_t{1} << 40}, bandwidth);
  link.stream_bytes_per_second = bandwidth == 0 ? UINT64_MAX : bandwidth;
  quantity("transfer-cpu", Unit::duration, {0, kHour}, experiment.world.transfer_cpu_per_task);
  quantity("transfer-cpu-per-mib", Unit::duration, {0, kHour},
           experiment.world.transfer_cpu_per_mebibyte);
}

void Parser::take_workload() {
  sim::Experiment& experiment = result_.experiment;
  core::Duration mean = core::kSecond;
  quantity("mean-service", Unit::duration, {1, 1000 * core::kSecond}, mean);
  result_.service = text("service");
  std::string error;
  if (const auto service = sim::Distribution::parse(result_.service, mean, error))
    experiment.service = *service;
  else
    complain("--service: " + error);
  result_.arrivals = text("arrivals");
  if (result_.arrivals.starts_with("trace:")) {
    auto trace = sim::read_trace(result_.arrivals.substr(6), experiment.nodes, error);
    if (trace) experiment.trace = std::move(*trace);
    if (!trace) complain("--arrivals: " + error);
  } else if (const auto pattern = sim::ArrivalPattern::parse(result_.arrivals, error)) {
    experiment.pattern = *pattern;
  } else {
    complain("--arrivals: " + error);
  }
  experiment.speeds_thousandths.clear();
  std::istringstream speeds(text("speeds"));
  for (std::string speed; std::getline(speeds, speed, ',');) {
    const auto value = config::parse_quantity(Unit::thousandths, speed, error);
    if (value && *value >= 10 && *value <= 1'000'000)
      experiment.speeds_thousandths.push_back(static_cast<std::uint32_t>(*value));
    else
      complain("--speeds: " + config::quoted(speed) + " is no speed; allowed: 0.01 ... 1000");
  }
  if (experiment.speeds_thousandths.empty()) experiment.speeds_thousandths = {1000};
}

void Parser::take_configuration(const std::vector<std::string>& arguments) {
  std::vector<const char*> words = {"peersim"};
  for (const std::string& argument : arguments) words.push_back(argument.c_str());
  config::Settings defaults = simulated_defaults(verb_);
  result_.discipline = text("discipline");
  const bool shared = result_.discipline == "ps";
  if (!shared && result_.discipline != "fcfs")
    complain("--discipline: " + config::quoted(result_.discipline) + " is none; allowed: fcfs, ps");
  if (shared) defaults.core.load.slots = 1024;
  const auto loaded = config::load(static_cast<int>(words.size()), words.data(), defaults);
  if (const auto* errors = std::get_if<config::Errors>(&loaded)) {
    error_.exit_code = config::Errors::kExitCode;
    for (const std::string& line : errors->lines) complain(line);
    return;
  }
  const config::Settings& settings = std::get<config::Loaded>(loaded).settings;
  result_.settings = settings;
  result_.defaults = defaults;
  result_.experiment.config = settings.core;
  if (shared) {
    result_.experiment.processors = 1;
    result_.experiment.config.load.weight_thousandths = 1000;
  }
}

void Parser::take_format() {
  const bool json = given_.contains("json"), csv = given_.contains("csv");
  if (json && csv) complain("--json and --csv contradict each other; allowed: one of them");
  if (json) result_.format = RunOptions::Format::json;
  if (csv) result_.format = RunOptions::Format::csv;
}

std::variant<RunOptions, UsageError, std::string> Parser::parse(
    const std::vector<std::string>& arguments) {
  const po::options_description known = options(true);
  std::vector<std::string> for_configuration;
  try {
    const po::parsed_options parsed =
        po::command_line_parser(arguments)
            .options(known)
            .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
            .allow_unregistered()
            .run();
    po::store(parsed, given_);
    for_configuration = po::collect_unrecognized(parsed.options, po::include_positional);
  } catch (const po::error& error) {
    complain(error.what() + std::string("; see --help"));
    return error_;
  }
  if (given_.contains("help")) {
    std::ostringstream help;
    help << verb_.usage << options(false);
    return help.str();
  }
  refuse_varied(for_configuration);
  take_quantities();
  take_workload();
  take_configuration(for_configuration);
  take_format();
  if (!error_.lines.empty()) return error_;
  return result_;
}

}  // namespace

const Verb kRunVerb{.usage = kRunUsage, .defaults = {}, .varied = {}};

std::variant<RunOptions, UsageError, std::string> parse_run_options(
    const Verb& verb, const std::vector<std::string>& arguments) {
  return Parser(verb).parse(arguments);
}

}  // namespace peersim
