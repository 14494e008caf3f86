#include "tests/core/transcript_script.h"

#include <sstream>
#include <utility>

namespace core_test {
namespace {

bool is_command(const std::string& line) {
  return line.starts_with("> ") || line.starts_with("~ ");
}

bool is_kept(const std::string& line) {
  return line.empty() || line.starts_with("#");
}

}  // namespace

Script parse(const std::string& file, const std::string& text) {
  Script script{.file = file, .passages = {}, .epilogue = {}};
  std::vector<std::string> kept;
  std::istringstream lines(text);
  bool in_output = false;
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (is_command(line)) {
      Command command{
          .text = line.substr(2), .line = number, .quiet = line[0] == '~', .expected = {}};
      in_output = !command.quiet;
      script.passages.push_back({std::exchange(kept, {}), std::move(command)});
    } else if (is_kept(line)) {
      in_output = false;
      kept.push_back(line);
    } else if (in_output) {
      script.passages.back().command.expected.push_back(line);
    } else {
      throw ScriptError{file + ":" + std::to_string(number) +
                        ": neither a command (\"> \", \"~ \") nor a comment (\"#\") nor output "
                        "right below a \"> \" command: " +
                        line};
    }
  }
  script.epilogue = std::move(kept);
  return script;
}

std::string to_text(const Script& script) {
  std::string text;
  const auto add = [&text](const std::string& line) { text += line + "\n"; };
  for (const Passage& passage : script.passages) {
    for (const std::string& line : passage.preface) add(line);
    add((passage.command.quiet ? "~ " : "> ") + passage.command.text);
    for (const std::string& line : passage.command.expected) add(line);
  }
  for (const std::string& line : script.epilogue) add(line);
  return text;
}

}  // namespace core_test
