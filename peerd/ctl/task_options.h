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
  std::optional<std::string> restart;
  bool pinned = false;
};

void add_task_options(boost::program_options::options_description& options);
TaskOptions task_options(const Parsed& parsed);
// The line's own options win over the common ones; lists add up.
TaskOptions merged(const TaskOptions& common, const TaskOptions& own);

// Maps paths against `cwd` (absolute). Touches no file.
Result<net::TaskSpec> make_spec(const TaskOptions& options, const Words& command,
                                const std::string& cwd);

// "K=V", or "K" for the value it has here.
Result<std::string> parse_variable(const std::string& text);
std::optional<std::uint64_t> parse_size(const std::string& text);  // "64M": bytes, powers of 1024

}  // namespace peerctl
