#include "sim/peersim/experiment.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>

#include "config/units.h"
#include "sim/peersim/exits.h"
#include "sim/peersim/progress.h"
#include "sim/peersim/run_help.h"
#include "sim/peersim/run_options.h"
#include "sim/studies/chart.h"
#include "sim/studies/studies.h"
#include "sim/studies/table.h"

namespace peersim {
namespace {

namespace po = boost::program_options;
using sim::studies::Entry;
using sim::studies::Study;

std::string usage() {
  std::string text =
      "Usage: peersim experiment NAME [--output DIRECTORY] [OPTION]...\n"
      "\n"
      "Runs one of these experiments and writes a table (NAME.csv), a chart (NAME.svg, NAME.png "
      "and\n"
      "the gnuplot script NAME.gp that draws it) and a summary (NAME.md) to the directory:\n\n";
  for (const Entry& entry : sim::studies::studies())
    text += fmt::format("  {:<12} {}\n", entry.name, entry.help);
  return text +
         "\npeersim experiment NAME --help lists the options. Some take minutes. Exit codes: those "
         "of\n"
         "peersim run; 69 if the chart cannot be drawn, 73 if nothing can be written there.\n";
}

const Entry* find(const std::string& name) {
  for (const Entry& entry : sim::studies::studies())
    if (name == entry.name) return &entry;
  return nullptr;
}

// What `peersim run` does not have.
struct OwnOptions {
  std::string output;
  core::Duration message_cost = 0;
  std::vector<std::string> others;
};

po::options_description own_options(const Entry& entry) {
  po::options_description options("The experiment", kHelpColumns);
  options.add_options()(
      "output", po::value<std::string>()->value_name("DIRECTORY")->default_value(entry.name),
      "where the files go; made if it is not there");
  if (std::string(entry.name) == "tune")
    options.add_options()("message-cost",
                          po::value<std::string>()->value_name("TIME")->default_value("2ms"),
                          "what a message is held to cost, in response time");
  return options;
}

std::optional<OwnOptions> parse_own(const Entry& entry, const std::vector<std::string>& arguments,
                                    std::string& error) {
  OwnOptions own;
  const po::options_description known = own_options(entry);
  try {
    const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
    const po::parsed_options parsed =
        po::command_line_parser(arguments).options(known).style(style).allow_unregistered().run();
    po::variables_map given;
    po::store(parsed, given);
    own.output = given["output"].as<std::string>();
    own.others = po::collect_unrecognized(parsed.options, po::include_positional);
    if (!given.contains("message-cost")) return own;
    const auto cost = config::parse_quantity(config::Unit::duration,
                                             given["message-cost"].as<std::string>(), error);
    if (cost) own.message_cost = *cost;
    if (!cost) error = "--message-cost: " + error;
  } catch (const po::error& wrong) {
    error = fmt::format("{}; see peersim experiment {} --help", wrong.what(), entry.name);
  }
  return error.empty() ? std::optional(own) : std::nullopt;
}

Verb verb_of(const Entry& entry) {
  Verb verb{.name = std::string("experiment ") + entry.name,
            .help = nullptr,
            .defaults = {},
            .varied = {},
            .prints_result = false};
  verb.help = [&entry](const po::options_description& options) {
    std::ostringstream text;
    text << "Usage: peersim experiment " << entry.name
         << " [OPTION]... [--config FILE] [--SECTION.KEY=VALUE]...\n\n"
         << entry.help << ".\nSee peersim run --help for what the options mean.\n\n"
         << own_options(entry) << options;
    return text.str();
  };
  for (const auto& [name, value] : entry.defaults) verb.defaults[name] = value;
  for (const char* name : entry.varied) verb.varied.emplace_back(name);
  return verb;
}

bool write(const std::string& directory, const sim::studies::File& file) {
  std::ofstream out(std::filesystem::path(directory) / file.name);
  out << file.content;
  out.close();
  if (out) return true;
  fmt::print(stderr, "peersim: {}/{}: cannot be written; is there room, and may you write?\n",
             directory, file.name);
  return false;
}

bool make_directory(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (!error) return true;
  fmt::print(stderr, "peersim: {}: cannot be made: {}; choose another --output\n", directory,
             error.message());
  return false;
}

int carry_out(const Study& study, const RunOptions& options, const std::string& directory) {
  // Before the work, not after it.
  if (!make_directory(directory)) return kExitCannotCreate;
  std::vector<sim::studies::Row> rows;
  {
    ProgressBar bar(study.name);
    rows = sim::studies::run(study, options.jobs, bar.progress());
  }
  const std::string summary = study.summary(rows);
  std::vector<sim::studies::File> files = {
      {study.name + ".csv", sim::studies::csv(study.columns, rows)},
      {study.name + ".gp", study.figure(rows)},
      {study.name + ".md", summary}};
  if (study.more)
    for (const sim::studies::File& file : study.more(rows)) files.push_back(file);
  for (const sim::studies::File& file : files)
    if (!write(directory, file)) return kExitCannotCreate;
  std::fputs(summary.c_str(), stdout);
  std::string error;
  if (sim::studies::draw(directory, study.name, error)) return kExitOk;
  fmt::print(stderr, "peersim: {}\n", error);
  return kExitUnavailable;
}

int print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  return kExitOk;
}

int fail(const std::vector<std::string>& lines, int exit_code) {
  for (const std::string& line : lines) fmt::print(stderr, "peersim: {}\n", line);
  return exit_code;
}

}  // namespace

int experiment(const std::vector<std::string>& arguments) {
  if (arguments.empty())
    return fail({"an experiment is missing; see peersim experiment --help"}, kExitUsage);
  if (arguments[0] == "--help" || arguments[0] == "-h") return print(usage());
  const Entry* entry = find(arguments[0]);
  if (entry == nullptr) {
    std::string names;
    for (const Entry& one : sim::studies::studies())
      names += (names.empty() ? "" : ", ") + std::string(one.name);
    return fail({config::quoted(arguments[0]) + " is no experiment; allowed: " + names},
                kExitUsage);
  }
  std::string error;
  const auto own = parse_own(*entry, {arguments.begin() + 1, arguments.end()}, error);
  if (!own) return fail({error}, kExitUsage);
  const Verb verb = verb_of(*entry);
  const auto parsed = parse_run_options(verb, own->others);
  if (const auto* help = std::get_if<std::string>(&parsed)) return print(*help);
  if (const auto* wrong = std::get_if<UsageError>(&parsed))
    return fail(wrong->lines, wrong->exit_code);
  const auto& options = std::get<RunOptions>(parsed);
  if (!options.experiment.trace.empty() && verb.varies("load"))
    return fail({"--arrivals: a trace brings its own load, which the experiment varies; allowed: "
                 "poisson, bursts:SIZE, hot:NODES"},
                kExitUsage);
  for (const std::string& line : options.unused) fmt::print(stderr, "peersim: {}\n", line);
  const sim::studies::Base base{options.experiment, options.settings, options.defaults,
                                own->message_cost};
  return carry_out(entry->make(base), options, own->output);
}

}  // namespace peersim
