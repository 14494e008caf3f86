// From the options of `run` and `submit` to what the daemon is asked to run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/program_options.hpp>

#include "net/task_spec.h"
#include "peerd/ctl/exits.h"
#include "peerd/ctl/options.h"

namespace peerctl {

// As on the command line, each value still in words.
struct TaskOptions {
  Words inputs, outputs, environment;
  std::optional<std::string> stdin_path, directory, priority, cpu_limit, memory_limit;
  bool pinned = false;
};

void add_task_options(boost::program_options::options_description& options);
TaskOptions task_options(const Parsed& parsed);
// The line's own options win over the common ones; lists add up.
TaskOptions merged(const TaskOptions& common, const TaskOptions& own);

// Maps paths against `cwd` (absolute). Touches no file.
Result<net::TaskSpec> make_spec(const TaskOptions& options, const Words& command,
                                const std::string& cwd);

// "F" or "F=NAME": NAME is what follows the last '='.
Result<net::FileSpec> parse_input(const std::string& text, const std::string& cwd);
// "NAME" or "NAME=F": NAME ends before the first '='.
Result<net::FileSpec> parse_output(const std::string& text, const std::string& cwd);
// "K=V", or "K" for the value it has here.
Result<std::string> parse_variable(const std::string& text);
std::optional<std::uint64_t> parse_size(const std::string& text);  // "64M": bytes, powers of 1024

// Whether inputs can be read and outputs can be written, as far as that can be seen now.
std::optional<Problem> check_files(const net::TaskSpec& spec);

}  // namespace peerctl
