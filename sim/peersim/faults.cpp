#include "sim/peersim/faults.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <optional>
#include <utility>
#include <vector>

#include "config/units.h"
#include "sim/faults/bugs.h"
#include "sim/faults/guard.h"
#include "sim/faults/hunt.h"
#include "sim/faults/plan.h"
#include "sim/faults/shrink.h"
#include "sim/peersim/exits.h"
#include "sim/peersim/progress.h"

namespace peersim {
namespace {

namespace options = boost::program_options;
using sim::faults::Plan;
using sim::faults::Verdict;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kTranscriptLines = 60;
constexpr std::uint32_t kMaxJobs = 256;
constexpr std::uint32_t kMaxMinutes = 366 * 24 * 60;

struct Request {
  std::uint64_t first = 1, last = 100;
  std::uint32_t jobs = 1;
  std::uint32_t minutes = 0;
  bool transcript = false;
  core::Sabotage bug = core::Sabotage::none;
};

template <typename Number>
std::optional<Number> number(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

// "17" or "1..2000"
bool read_seeds(const std::string& text, Request& request) {
  const std::size_t dots = text.find("..");
  const std::string_view all = text;
  const auto first = number<std::uint64_t>(all.substr(0, dots));
  const auto last = dots == std::string::npos ? first : number<std::uint64_t>(all.substr(dots + 2));
  if (!first || !last || *first > *last) return false;
  request.first = *first;
  request.last = *last;
  return true;
}

std::string bugs() {
  std::string names;
  for (const sim::faults::Bug& bug : sim::faults::kBugs)
    names += (names.empty() ? "" : ", ") + std::string(bug.name);
  return names;
}

options::options_description description() {
  options::options_description all(
      "Usage: peersim faults [OPTION]...\n\n"
      "Lets everything break that can break, in virtual time, and checks every promise after each\n"
      "step. A trial that fails is cut down to the shortest that fails alike, and told.\n\n"
      "Exit status: 0 every promise was kept; 1 one was not; 64 wrong usage; 74 the output cannot "
      "be\nwritten.\n\nOptions",
      100);
  auto add = all.add_options();
  add("seeds", options::value<std::string>()->default_value("1..100"),
      "the trials to make, as 17 or 1..2000");
  add("jobs",
      options::value<std::uint32_t>()->default_value(
          static_cast<std::uint32_t>(::sysconf(_SC_NPROCESSORS_ONLN))),
      "how many at once");
  add("minutes", options::value<std::uint32_t>()->default_value(0), "stop after so long; 0: never");
  add("bug", options::value<std::string>(), ("a deliberate one, to be found: " + bugs()).c_str());
  add("transcript", "print the whole transcript of a failure, or of a single seed");
  add("help,h", "print this and end");
  return all;
}

void report(std::uint64_t seed, const Request& request) {
  const Plan plan = sim::faults::draw_plan(seed, request.bug);
  const auto quietly = [](const Plan& part) {
    return sim::faults::carry_out_guarded(part, {}, true);
  };
  const Verdict first = quietly(plan);
  if (!first.failed()) {
    std::cout << "seed " << seed << " failed, and does not fail again\n";
    return;
  }
  std::cout << "seed " << seed << " fails: " << first.broken << "\n" << std::flush;
  const sim::faults::Shrunk shrunk = sim::faults::shrink(plan, quietly);
  const std::size_t lines = request.transcript ? SIZE_MAX : kTranscriptLines;
  const Verdict last = sim::faults::carry_out_guarded(shrunk.plan, {lines});
  std::cout << "the shortest part of its plan that was found to fail alike, after " << shrunk.trials
            << " trials:\n"
            << describe(shrunk.plan) << "how it ends:\n"
            << last.transcript << "broken: " << last.broken << "\n";
}

int show_one(const Request& request) {
  const Plan plan = sim::faults::draw_plan(request.first, request.bug);
  const Verdict verdict = sim::faults::carry_out_guarded(plan, {SIZE_MAX});
  std::cout << describe(plan) << verdict.transcript;
  if (!verdict.failed()) return kExitOk;
  std::cout << "broken: " << verdict.broken << "\n";
  return kExitBroken;
}

int carry_out(const Request& request) {
  if (request.transcript && request.first == request.last) return show_one(request);
  const auto begun = Clock::now();
  const auto total = static_cast<double>(request.last - request.first) + 1;
  ProgressBar bar("faults");
  const sim::Progress progress = bar.progress();
  sim::faults::HuntOptions hunt;
  hunt.first = request.first;
  hunt.last = request.last;
  hunt.jobs = request.jobs;
  hunt.sabotage = request.bug;
  if (request.minutes > 0) hunt.deadline = begun + std::chrono::minutes(request.minutes);
  hunt.on_progress = [&](std::uint64_t done) { progress(static_cast<double>(done) / total); };
  const sim::faults::HuntResult result = sim::faults::hunt(hunt);
  if (result.failing) {
    report(*result.failing, request);
    return kExitBroken;
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  if (result.broken_off) {
    std::cerr << "peersim: trials could not be started: " << result.done << " were made\n";
    return kExitBroken;
  }
  std::cout << fmt::format("{} seeds passed, {} steps, in {:.1f} s: {:.0f} seeds/s\n", result.done,
                           result.events, seconds, static_cast<double>(result.done) / seconds);
  return kExitOk;
}

std::optional<Request> read(const options::variables_map& values, std::string& error) {
  Request request;
  if (!read_seeds(values["seeds"].as<std::string>(), request)) {
    error = "--seeds takes a number or a range as 1..2000, not " +
            config::quoted(values["seeds"].as<std::string>());
    return std::nullopt;
  }
  request.jobs = values["jobs"].as<std::uint32_t>();
  if (request.jobs < 1 || request.jobs > kMaxJobs) {
    error = "--jobs takes 1 to " + std::to_string(kMaxJobs);
    return std::nullopt;
  }
  request.minutes = values["minutes"].as<std::uint32_t>();
  if (request.minutes > kMaxMinutes) {
    error = "--minutes takes 0 to " + std::to_string(kMaxMinutes);
    return std::nullopt;
  }
  if (values.count("bug") > 0) {
    const std::string name = values["bug"].as<std::string>();
    const sim::faults::Bug* bug = sim::faults::find_bug(name);
    if (bug == nullptr) {
      error = "--bug knows no " + config::quoted(name) + "; known are " + bugs();
      return std::nullopt;
    }
    if (!core::kSabotagePossible) {
      error = "--bug needs a build with tests";
      return std::nullopt;
    }
    request.bug = bug->sabotage;
  }
  request.transcript = values.count("transcript") > 0;
  return request;
}

}  // namespace

int faults(const std::vector<std::string>& arguments) {
  const options::options_description all = description();
  options::variables_map values;
  std::string error;
  try {
    options::store(options::command_line_parser(arguments)
                       .options(all)
                       .positional(options::positional_options_description())
                       .style(options::command_line_style::unix_style &
                              ~options::command_line_style::allow_guessing)
                       .run(),
                   values);
    options::notify(values);
  } catch (const options::error& wrong) {
    error = wrong.what();
  }
  if (error.empty() && values.count("help") > 0) {
    std::cout << all;
    return kExitOk;
  }
  std::optional<Request> request;
  if (error.empty()) request = read(values, error);
  if (request) return carry_out(*request);
  std::cerr << "peersim faults: " << error << "; see peersim faults --help\n";
  return kExitUsage;
}

}  // namespace peersim
