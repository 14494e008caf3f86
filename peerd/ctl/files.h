// The files that go along with a task and come back: how they are called, and whether they can be
// read and written.
#pragma once

#include <optional>
#include <string>

#include "net/task_spec.h"
#include "peerd/ctl/exits.h"

namespace peerctl {

// Against `cwd`, which is absolute itself.
std::string absolute(const std::string& path, const std::string& cwd);

// "F" or "F=NAME": NAME is what follows the last '='. Without NAME a relative path keeps its place
// in the task's directory, any other is called by its last part.
Result<net::FileSpec> parse_input(const std::string& text, const std::string& cwd);
// "NAME" or "NAME=F": NAME ends before the first '='.
Result<net::FileSpec> parse_output(const std::string& text, const std::string& cwd);

// Whether inputs can be read and outputs can be written, as far as that can be seen now.
std::optional<Problem> check_files(const net::TaskSpec& spec);

}  // namespace peerctl
