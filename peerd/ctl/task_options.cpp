#include "peerd/ctl/task_options.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "net/codec.h"
#include "peerd/ctl/files.h"

namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace peerctl {
namespace {

constexpr std::int64_t kMinPriority = -9;
constexpr std::int64_t kMaxPriority = 10;

Problem usage(std::string message) {
  return {kExitUsage, std::move(message)};
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <typename Value, typename Parse>
std::optional<Problem> parse_each(const Words& texts, const Parse& parse,
                                  std::vector<Value>& values) {
  for (const std::string& text : texts) {
    Result<Value> result = parse(text);
    if (auto* problem = std::get_if<Problem>(&result)) return std::move(*problem);
    values.push_back(std::get<Value>(std::move(result)));
  }
  return std::nullopt;
}

std::optional<Problem> names_twice(const char* option, const std::vector<net::FileSpec>& files) {
  std::set<std::string> names;
  for (const net::FileSpec& file : files) {
    if (names.insert(file.name).second) continue;
    return usage(
        fmt::format("{}: two files would be called \"{}\" in the task's directory; give "
                    "one another name with =",
                    option, file.name));
  }
  return std::nullopt;
}

std::optional<Problem> set_numbers(const TaskOptions& options, net::TaskSpec& spec) {
  if (options.priority) {
    const std::optional<std::int64_t> value = parse_integer(*options.priority);
    if (!value || *value < kMinPriority || *value > kMaxPriority) {
      return usage(fmt::format("--priority {}: a whole number from {} to {} is needed",
                               *options.priority, kMinPriority, kMaxPriority));
    }
    spec.priority = static_cast<std::int32_t>(*value);
  }
  if (options.cpu_limit) {
    const std::optional<std::int64_t> value = parse_integer(*options.cpu_limit);
    if (!value || *value < 1) {
      return usage(
          fmt::format("--cpu-limit {}: whole seconds are needed, 1 or more", *options.cpu_limit));
    }
    spec.cpu_limit_s = static_cast<std::uint64_t>(*value);
  }
  if (options.memory_limit) {
    const std::optional<std::uint64_t> value = parse_size(*options.memory_limit);
    if (!value || *value == 0) {
      return usage(fmt::format("--memory-limit {}: bytes are needed, or a number with K, M or G",
                               *options.memory_limit));
    }
    spec.memory_limit_bytes = *value;
  }
  return std::nullopt;
}

std::optional<Problem> set_restart(const TaskOptions& options, net::TaskSpec& spec) {
  const std::string restart = options.restart.value_or("never");
  spec.restarts = restart == "after-lease";
  if (spec.restarts || restart == "never") return std::nullopt;
  return usage(fmt::format("--restart {}: never or after-lease is needed", restart));
}

std::optional<Problem> set_paths(const TaskOptions& options, const std::string& cwd,
                                 net::TaskSpec& spec) {
  if (options.directory) {
    const fs::path normal = fs::path(*options.directory).lexically_normal();
    if (options.directory->empty() || *normal.begin() == "..") {
      return usage(
          fmt::format("--chdir {}: an absolute directory is needed, or one below the "
                      "task's own",
                      *options.directory));
    }
    spec.directory = normal == "." ? "" : normal.string();
  }
  if (options.stdin_path) {
    if (options.stdin_path->empty() || *options.stdin_path == "-") {
      return usage("--stdin: a file is needed, for the task may run elsewhere and more than once");
    }
    spec.stdin_path = absolute(*options.stdin_path, cwd);
  }
  return std::nullopt;
}

// A later value of the same variable replaces an earlier one.
std::vector<std::string> without_repeats(const std::vector<std::string>& environment) {
  std::vector<std::string> unique;
  for (const std::string& variable : environment) {
    const std::string key = variable.substr(0, variable.find('=') + 1);
    const auto same = std::find_if(unique.begin(), unique.end(),
                                   [&](const std::string& one) { return one.starts_with(key); });
    if (same == unique.end()) {
      unique.push_back(variable);
    } else {
      *same = variable;
    }
  }
  return unique;
}

std::optional<Problem> beyond_limits(const net::TaskSpec& spec) {
  const auto too_many = [](const char* what, std::size_t count, std::size_t limit) {
    return Problem{kExitDataError,
                   fmt::format("{} {}: at most {} go along with a task", count, what, limit)};
  };
  if (spec.arguments.size() > net::kMaxArguments) {
    return too_many("words of the command", spec.arguments.size(), net::kMaxArguments);
  }
  if (spec.environment.size() > net::kMaxEnvironment) {
    return too_many("variables", spec.environment.size(), net::kMaxEnvironment);
  }
  if (spec.inputs.size() > net::kMaxFiles) {
    return too_many("inputs", spec.inputs.size(), net::kMaxFiles);
  }
  if (spec.outputs.size() > net::kMaxFiles) {
    return too_many("outputs", spec.outputs.size(), net::kMaxFiles);
  }
  for (const std::string& word : spec.arguments) {
    if (word.size() <= net::kMaxTextBytes) continue;
    return Problem{kExitDataError, fmt::format("a word of {} bytes: at most {} are allowed",
                                               word.size(), net::kMaxTextBytes)};
  }
  for (const std::string& variable : spec.environment) {
    if (variable.size() <= net::kMaxTextBytes) continue;
    return Problem{kExitDataError, fmt::format("--env: {} bytes: at most {} are allowed",
                                               variable.size(), net::kMaxTextBytes)};
  }
  const std::size_t size = net::encode(spec).size();
  if (size > net::kMaxSpecBytes) {
    return Problem{kExitDataError,
                   fmt::format("command, variables and file names take {} bytes: at most {} are "
                               "allowed",
                               size, net::kMaxSpecBytes)};
  }
  return std::nullopt;
}

}  // namespace

void add_task_options(po::options_description& options) {
  const auto text = [](const char* name) { return po::value<std::string>()->value_name(name); };
  const auto texts = [](const char* name) {
    return po::value<Words>()->composing()->value_name(name);
  };
  options.add_options()  //
      ("input", texts("F[=NAME]"),
       "a file that goes along; relative paths keep their place in the task's directory, others "
       "are called by their last part, or NAME")  //
      ("output", texts("NAME[=F]"),
       "a file that the task makes and that comes back to where it is named, or to F")     //
      ("env", texts("K[=V]"), "a variable for the task; without V the value it has here")  //
      ("stdin", text("F"), "the task's standard input (default: nothing)")                 //
      ("chdir", text("D"),
       "where it runs: below the task's directory, or an absolute directory of the peer")  //
      ("priority", text("N"), "-9 ... 10, higher starts sooner (default: 0)")              //
      ("cpu-limit", text("S"), "seconds of CPU time")                                      //
      ("memory-limit", text("B"), "bytes, or with K, M or G")                              //
      ("restart", text("never|after-lease"),
       "if the peer that has it is gone: lost (default), or run again from the beginning, when "
       "that peer cannot run it any more")  //
      ("pin", "run it here, whatever the load");
}

TaskOptions task_options(const Parsed& parsed) {
  TaskOptions options;
  options.inputs = parsed.texts("input");
  options.outputs = parsed.texts("output");
  options.environment = parsed.texts("env");
  options.stdin_path = parsed.text("stdin");
  options.directory = parsed.text("chdir");
  options.priority = parsed.text("priority");
  options.cpu_limit = parsed.text("cpu-limit");
  options.memory_limit = parsed.text("memory-limit");
  options.restart = parsed.text("restart");
  options.pinned = parsed.has("pin");
  return options;
}

TaskOptions merged(const TaskOptions& common, const TaskOptions& own) {
  TaskOptions both = common;
  const auto append = [](Words& to, const Words& more) {
    to.insert(to.end(), more.begin(), more.end());
  };
  append(both.inputs, own.inputs);
  append(both.outputs, own.outputs);
  append(both.environment, own.environment);
  for (const auto field :
       {&TaskOptions::stdin_path, &TaskOptions::directory, &TaskOptions::priority,
        &TaskOptions::cpu_limit, &TaskOptions::memory_limit, &TaskOptions::restart}) {
    if (own.*field) both.*field = own.*field;
  }
  both.pinned = common.pinned || own.pinned;
  return both;
}

Result<net::TaskSpec> make_spec(const TaskOptions& options, const Words& command,
                                const std::string& cwd) {
  if (command.empty() || command[0].empty()) return usage("a command is needed");
  net::TaskSpec spec;
  spec.arguments = command;
  spec.pinned = options.pinned;
  const auto input = [&](const std::string& text) { return parse_input(text, cwd); };
  const auto output = [&](const std::string& text) { return parse_output(text, cwd); };
  std::optional<Problem> problem = parse_each(options.inputs, input, spec.inputs);
  if (!problem) problem = parse_each(options.outputs, output, spec.outputs);
  if (!problem) problem = parse_each(options.environment, parse_variable, spec.environment);
  if (!problem) problem = names_twice("--input", spec.inputs);
  if (!problem) problem = names_twice("--output", spec.outputs);
  if (!problem) problem = set_numbers(options, spec);
  if (!problem) problem = set_paths(options, cwd, spec);
  if (!problem) problem = set_restart(options, spec);
  spec.environment = without_repeats(spec.environment);
  if (!problem) problem = beyond_limits(spec);
  if (problem) return *problem;
  return spec;
}

Result<std::string> parse_variable(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (text.empty() || equals == 0) return usage(fmt::format("--env {}: a name is needed", text));
  if (equals != std::string::npos) return text;
  const char* value = std::getenv(text.c_str());
  if (value == nullptr) {
    return usage(fmt::format("--env {}: it has no value here; give one with {}=VALUE", text, text));
  }
  return text + "=" + value;
}

std::optional<std::uint64_t> parse_size(const std::string& text) {
  static const std::string kSuffixes = "KMG";
  const std::size_t suffix = text.empty() ? std::string::npos : kSuffixes.find(text.back());
  const bool has_suffix = suffix != std::string::npos;
  const auto value = parse_integer(std::string_view(text).substr(0, text.size() - has_suffix));
  if (!value || *value < 0) return std::nullopt;
  const unsigned shift = has_suffix ? 10 * (static_cast<unsigned>(suffix) + 1) : 0;
  const auto bytes = static_cast<std::uint64_t>(*value);
  if (bytes > (std::numeric_limits<std::uint64_t>::max() >> shift)) return std::nullopt;
  return bytes << shift;
}

}  // namespace peerctl
