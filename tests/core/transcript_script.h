// A transcript file: commands, and under each the output that is expected of it.
//
//     # A comment, kept as it is.
//     ~ submit a.1          a command whose output is not compared
//     > submit a.2          a command; its output follows, up to an empty line
//     accepted a.2
#pragma once

#include <string>
#include <vector>

namespace core_test {

struct Command {
  std::string text;
  std::size_t line = 0;  // counted from 1
  bool quiet = false;
  std::vector<std::string> expected;
};

// Text that is kept (comments, empty lines) precedes the command it stands above.
struct Passage {
  std::vector<std::string> preface;
  Command command;
};

struct Script {
  std::string file;
  std::vector<Passage> passages;
  std::vector<std::string> epilogue;
};

// A script or a command that cannot be understood; what() begins with "file:line: ".
struct ScriptError {
  std::string text;
};

// Throws ScriptError.
Script parse(const std::string& file, const std::string& text);
std::string to_text(const Script& script);

}  // namespace core_test
