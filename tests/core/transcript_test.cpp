// The golden transcripts of tests/scenarios. PEERD_UPDATE_TRANSCRIPTS=1 writes what the node does
// now into the files instead of comparing; read the difference before you commit it.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/core/transcript_script.h"
#include "tests/core/transcript_stage.h"

namespace {

using core_test::Command;
using core_test::Passage;
using core_test::Script;
using core_test::ScriptError;

constexpr std::size_t kMinScenarios = 15;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw ScriptError{path.string() + ": cannot be read"};
  return text.str();
}

// The script with what the node really does.
Script perform(const Script& script) {
  Script performed = script;
  core_test::Stage stage;
  for (Passage& passage : performed.passages) {
    Command& command = passage.command;
    try {
      std::vector<std::string> lines = stage.run(command.text);
      if (!command.quiet) command.expected = std::move(lines);
    } catch (const core_test::WordError& error) {
      throw ScriptError{script.file + ":" + std::to_string(command.line) + ": " + error.text};
    }
  }
  return performed;
}

// Empty if both are the same, else the first command that differs: where, expected, happened.
std::string difference(const Script& expected, const Script& happened) {
  for (std::size_t i = 0; i < expected.passages.size(); ++i) {
    const Command& want = expected.passages[i].command;
    const Command& have = happened.passages[i].command;
    if (want.expected == have.expected) continue;
    const auto first = std::mismatch(want.expected.begin(), want.expected.end(),
                                     have.expected.begin(), have.expected.end())
                           .first;
    const std::size_t line =
        want.line + 1 + static_cast<std::size_t>(first - want.expected.begin());
    std::string text =
        expected.file + ":" + std::to_string(line) + ": differs, under > " + want.text;
    for (const std::string& one : want.expected) text += "\n  expected: " + one;
    for (const std::string& one : have.expected) text += "\n  happened: " + one;
    return text;
  }
  return "";
}

std::vector<std::filesystem::path> scenarios() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(PEERD_SCENARIOS))
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string error_of(const std::string& text) {
  try {
    perform(core_test::parse("test", text));
  } catch (const ScriptError& error) {
    return error.text;
  }
  return "";
}

}  // namespace

TEST_CASE("transcripts: what a node does is what is written") {
  const bool update = std::getenv("PEERD_UPDATE_TRANSCRIPTS") != nullptr;
  const auto files = scenarios();
  CHECK(files.size() >= kMinScenarios);
  for (const auto& path : files) {
    try {
      const Script script = core_test::parse(path.filename().string(), read(path));
      const Script happened = perform(script);
      CHECK_FALSE(script.passages.empty());
      if (update) {
        std::ofstream(path) << to_text(happened);
        continue;
      }
      const std::string differs = difference(script, happened);
      if (!differs.empty()) FAIL_CHECK(differs);
    } catch (const ScriptError& error) {
      FAIL_CHECK(error.text);
    }
  }
}

TEST_CASE("transcripts: a script is kept as it is written") {
  const std::string text = "# what it is for\n\n> config preset=none\nnothing\n\n# end\n";
  CHECK(to_text(core_test::parse("test", text)) == text);
}

TEST_CASE("transcripts: a malformed script is an error that names its place") {
  CHECK(error_of("~ config preset=none\n") == "");
  CHECK(error_of("output without a command\n").starts_with("test:1: neither a command"));
  CHECK(error_of("> config\nnothing\n\nmore\n").starts_with("test:4: neither a command"));
  CHECK(error_of("~ config\noutput of a quiet command\n").starts_with("test:2: neither"));
  CHECK(error_of("> drain\n") == "test:1: there is no node yet: config comes first");
  CHECK(error_of("~ config\n\n> dance\n") == "test:3: no such command: dance");
  CHECK(error_of("~ config colour=red\n") == "test:1: no such key: colour");
  CHECK(error_of("~ config preset=no\n") == "test:1: no preset: no");
  CHECK(error_of("~ config low=3 high=2 transfer=dual_threshold\n").starts_with("test:1: dual"));
  CHECK(error_of("~ config\n~ submit a.1 twice\n") == "test:2: not understood: twice");
  CHECK(error_of("~ config\n~ submit a.1 hue=1\n") == "test:2: not understood: hue=");
  CHECK(error_of("~ config\n~ submit b.1\n").starts_with("test:2: submitted tasks"));
  CHECK(error_of("~ config\n~ wait soon\n").starts_with("test:2: no"));
  CHECK(error_of("~ config\n~ b: sing\n") == "test:2: no such message: sing");
  CHECK(error_of("~ config\n~ b: probe_reply role=king\n").starts_with("test:2: no role"));
  CHECK(error_of("~ config\n~ exited a.1\n") == "test:2: a word is missing at the end");
}

TEST_CASE("transcripts: a difference names file and line") {
  const Script script =
      core_test::parse("some.txt", "~ config\n\n> submit a.1\naccepted a.1\nsomething else\n");
  const std::string differs = difference(script, perform(script));
  CHECK(differs.starts_with("some.txt:4: differs, under > submit a.1\n  expected: accepted a.1\n"));
  CHECK(differs.find("\n  happened: persist submitted a.1 epoch 1 a\n") != std::string::npos);
  CHECK(difference(perform(script), perform(script)) == "");
}
