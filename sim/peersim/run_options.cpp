#include "sim/peersim/run_options.h"

#include <algorithm>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>
#include <cassert>
#include <optional>
#include <thread>

#include "config/help.h"
#include "config/ini.h"
#include "config/keys.h"
#include "config/units.h"
#include "sim/peersim/exits.h"

namespace peersim {
namespace {

namespace po = boost::program_options;
using config::Unit;

// What the simulator takes where peerd has this machine's values: one slot, searches on arrivals
// and departures alone, and no failure detection in a world without failures.
config::Settings simulated_defaults(const Verb& verb) {
  config::Settings settings = config::default_settings();
  settings.core.load.slots = 1;
  settings.core.load.weight_thousandths = 1000;
  settings.core.limits.search_retry = 0;
  settings.core.limits.finished_tasks = 1;
  settings.core.membership.probe_interval = 3600 * core::kSecond;
  settings.core.membership.rejoin_interval = 3600 * core::kSecond;
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

class Parser {
 public:
  explicit Parser(const Verb& verb) : verb_(verb) {}
  std::variant<RunOptions, UsageError, std::string> parse(
      const std::vector<std::string>& arguments);

 private:
  po::options_description configuration_keys() const;
  void take_quantities();
  void take_workload();
  void take_trace(const std::string& path);
  void take_speeds();
  void take_configuration(const std::vector<std::string>& arguments);
  void take_format();
  void check_load();
  void refuse_varied(const std::vector<std::string>& for_configuration);
  void note_varied(const std::vector<std::string>& for_configuration);
  std::vector<std::string> take_options(const po::options_description& known,
                                        const std::vector<std::string>& arguments);
  template <typename Number>
  void quantity(const char* name, Unit unit, Range range, Number& field);
  std::string text(const char* name) const { return given_[name].as<std::string>(); }
  void complain(const std::string& line, int exit_code = kExitUsage);

  const Verb& verb_;
  po::variables_map given_;
  RunOptions result_;
  UsageError error_;
};

po::options_description Parser::configuration_keys() const {
  po::options_description all;
  all.add_options()("config", po::value<std::string>());
  for (const config::Section& section : config::sections())
    all.add(config::key_options(section.name));
  return all;
}

void Parser::complain(const std::string& line, int exit_code) {
  if (error_.lines.empty()) error_.exit_code = exit_code;
  error_.lines.push_back(line);
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
    take_trace(result_.arrivals.substr(6));
  } else if (const auto pattern = sim::ArrivalPattern::parse(result_.arrivals, error)) {
    experiment.pattern = *pattern;
  } else {
    complain("--arrivals: " + error);
  }
}

void Parser::take_trace(const std::string& path) {
  sim::TraceError error;
  auto trace = sim::read_trace(path, result_.experiment.nodes, error);
  if (trace)
    result_.experiment.trace = std::move(*trace);
  else
    complain("--arrivals: " + error.text, error.unreadable ? kExitNoInput : kExitDataError);
}

void Parser::take_speeds() {
  std::vector<std::uint32_t> speeds;
  std::string rest = text("speeds");
  for (std::size_t comma = 0; comma != std::string::npos;) {
    comma = rest.find(',');
    const std::string speed = rest.substr(0, comma);
    if (comma != std::string::npos) rest.erase(0, comma + 1);
    std::string ignored;
    const auto value = config::parse_quantity(Unit::thousandths, speed, ignored);
    if (!value || *value < 10 || *value > 1'000'000)
      return complain("--speeds: " + config::quoted(speed) +
                      " is no speed; allowed: 0.01 ... 1000");
    speeds.push_back(static_cast<std::uint32_t>(*value));
  }
  result_.experiment.speeds_thousandths = speeds;
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
    for (const std::string& line : errors->lines) complain(line, kExitConfig);
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

// Those of the configuration are refused on the command line; a file, which may be a board's, may
// hold them.
void Parser::refuse_varied(const std::vector<std::string>& for_configuration) {
  for (const std::string& name : verb_.varied) {
    const bool is_option = given_.contains(name) && !given_[name].defaulted();
    const bool is_key = std::any_of(
        for_configuration.begin(), for_configuration.end(),
        [&](const std::string& argument) { return argument.starts_with("--" + name + "="); });
    if (is_option || is_key)
      complain("--" + name + ": the experiment sets it itself; leave it out");
  }
}

void Parser::note_varied(const std::vector<std::string>& for_configuration) {
  const std::string option = "--config=";
  for (const std::string& argument : for_configuration) {
    if (!argument.starts_with(option)) continue;
    const std::string path = argument.substr(option.size());
    std::string text, error;
    if (!config::read_ini_file(path, text, error)) return;
    for (const config::Assignment& assignment : config::read_ini(text).assignments)
      if (verb_.varies(assignment.key))
        result_.unused.push_back(path + ":" + std::to_string(assignment.line) + ": " +
                                 assignment.key + ": not used, the experiment sets it itself");
  }
}

// Little load comes so far apart that no clock has room for it.
void Parser::check_load() {
  const sim::Experiment& experiment = result_.experiment;
  if (!error_.lines.empty() || !experiment.trace.empty()) return;
  if (sim::Workload::is_possible(sim::workload_of(experiment))) return;
  complain(
      "--load: with these arrivals, speeds and service they come more than 25 days apart; "
      "allowed: more load");
}

// Sets what is known here apart from what the configuration knows.
std::vector<std::string> Parser::take_options(const po::options_description& known,
                                              const std::vector<std::string>& arguments) {
  std::vector<std::string> for_configuration;
  po::options_description all;
  all.add(known).add(configuration_keys());
  const po::parsed_options parsed =
      po::command_line_parser(arguments)
          .options(all)
          .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
          .run();
  po::parsed_options own(&known);
  for (const po::option& option : parsed.options) {
    if (option.string_key.empty() || option.position_key >= 0)
      complain(config::quoted(option.value.at(0)) + " is no option; see peersim " + verb_.name +
               " --help");
    else if (known.find_nothrow(option.string_key, false) != nullptr)
      own.options.push_back(option);
    else
      for_configuration.push_back("--" + option.string_key + "=" + option.value.at(0));
  }
  po::store(own, given_);
  return for_configuration;
}

std::variant<RunOptions, UsageError, std::string> Parser::parse(
    const std::vector<std::string>& arguments) {
  const po::options_description known = options_of(verb_, true);
  std::vector<std::string> for_configuration;
  try {
    for_configuration = take_options(known, arguments);
  } catch (const po::error& error) {
    complain(error.what() + std::string("; see peersim " + verb_.name + " --help"));
    return error_;
  }
  if (given_.contains("help")) return verb_.help(options_of(verb_, false));
  refuse_varied(for_configuration);
  take_quantities();
  take_workload();
  take_speeds();
  take_format();
  take_configuration(for_configuration);
  note_varied(for_configuration);
  check_load();
  if (!error_.lines.empty()) return error_;
  return result_;
}

}  // namespace

std::variant<RunOptions, UsageError, std::string> parse_run_options(
    const Verb& verb, const std::vector<std::string>& arguments) {
  return Parser(verb).parse(arguments);
}

}  // namespace peersim
