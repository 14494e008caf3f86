#include "sim/peersim/run_options.h"

#include <algorithm>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>
#include <optional>
#include <sstream>
#include <thread>

#include "config/units.h"

namespace peersim {
namespace {

namespace po = boost::program_options;
using config::Unit;

constexpr char kUsage[] =
    "Usage: peersim run [OPTION]... [--config FILE] [--SECTION.KEY=VALUE]...\n"
    "\n"
    "Runs peerd's own core and policies in virtual time and says how long tasks take. Policies, "
    "limits\n"
    "and all else that peerd is configured with are the same keys here (peerd --help lists them);\n"
    "unlike there, limits.search_retry is 0, load.slots 1 and membership.probe_interval 1h unless\n"
    "given.\n\n";

struct Range {
  std::int64_t min, max;
};

class Parser {
 public:
  std::variant<RunOptions, UsageError, std::string> parse(
      const std::vector<std::string>& arguments);

 private:
  po::options_description options() const;
  void take_quantities();
  void take_workload();
  void take_configuration(const std::vector<std::string>& arguments);
  void take_format();
  template <typename Number>
  void quantity(const char* name, Unit unit, Range range, Number& field);
  std::string text(const char* name) const { return given_[name].as<std::string>(); }
  void complain(const std::string& line) { error_.lines.push_back(line); }

  po::variables_map given_;
  RunOptions result_;
  UsageError error_;
};

po::options_description Parser::options() const {
  const auto value = [](const char* name, const char* otherwise) {
    return po::value<std::string>()->value_name(name)->default_value(otherwise);
  };
  po::options_description cluster("The cluster", 100), work("The workload", 100),
      how("The run", 100);
  cluster.add_options()                                  //
      ("nodes", value("COUNT", "40"), "how many peers")  //
      ("discipline", value("NAME", "fcfs"),
       "fcfs: each slot is a processor; ps: one processor per peer, shared by its slots")         //
      ("speeds", value("LIST", "1"), "of the peers in turn, as 1,1,0.5")                          //
      ("delay", value("TIME", "0"), "of each message, one way")                                   //
      ("transfer-time", value("TIME", "0"), "of each task on the link")                           //
      ("bandwidth", value("SIZE", "0"), "of the link per second for tasks' files; 0: unlimited")  //
      ("transfer-cpu", value("TIME", "0"), "of the sender's processor for each task sent")        //
      ("transfer-cpu-per-mib", value("TIME", "0"), "the same for each MiB of its files");
  work.add_options()                                                                             //
      ("load", value("RHO", "0.8"), "offered work over capacity; above 1 queues grow for ever")  //
      ("service", value("SHAPE", "exponential"),
       "exponential, deterministic, pareto:ALPHA:RATIO or hyperexponential:CV2")                  //
      ("mean-service", value("TIME", "1s"), "on a processor of speed 1")                          //
      ("arrivals", value("PATTERN", "poisson"), "poisson, bursts:SIZE, hot:NODES or trace:FILE")  //
      ("task-size", value("SIZE", "0"), "of each task's files");
  how.add_options()                                                        //
      ("tasks", value("COUNT", "100000"), "measured in each replication")  //
      ("warm-up", value("COUNT", "10000"), "tasks before them")            //
      ("replications", value("COUNT", "5"),
       "with different seeds, for the confidence intervals")                                //
      ("seed", value("NUMBER", "1"), "the same seed gives the same output, byte for byte")  //
      ("jobs", value("COUNT", "0"), "replications at once; 0: as many as processors")       //
      ("json", "print JSON")("csv", "print CSV")("help,h", "print this and end");
  po::options_description all;
  all.add(cluster).add(work).add(how);
  return all;
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
  config::Settings defaults = simulated_defaults();
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
  result_.preset = settings.preset;
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
  const po::options_description known = options();
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
    complain(error.what() + std::string("; see peersim run --help"));
    return error_;
  }
  if (given_.contains("help")) {
    std::ostringstream help;
    help << kUsage << known;
    return help.str();
  }
  take_quantities();
  take_workload();
  take_configuration(for_configuration);
  take_format();
  if (!error_.lines.empty()) return error_;
  return result_;
}

}  // namespace

std::variant<RunOptions, UsageError, std::string> parse_run_options(
    const std::vector<std::string>& arguments) {
  return Parser().parse(arguments);
}

config::Settings simulated_defaults() {
  config::Settings settings = config::default_settings();
  settings.core.load.slots = 1;
  settings.core.load.weight_thousandths = 1000;
  settings.core.limits.search_retry = 0;
  settings.core.limits.finished_tasks = 1;
  settings.core.membership.probe_interval = 3600 * core::kSecond;
  return settings;
}

}  // namespace peersim
