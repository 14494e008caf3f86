// Loads configurations as the daemon does, from files of the test's own.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "config/settings.h"
#include "tests/peerd/scratch_directory.h"

using Lines = std::vector<std::string>;

class ConfigFixture {
 public:
  using Result = std::variant<config::Loaded, config::Errors>;

  static Result load(const Lines& options) {
    std::vector<const char*> arguments = {"peerd"};
    for (const std::string& option : options) arguments.push_back(option.c_str());
    return config::load(static_cast<int>(arguments.size()), arguments.data());
  }

  // With the text as the file `c`.
  Result load_text(const std::string& text, Lines options = {}) {
    options.push_back("--config=" + scratch_.write("c", text));
    return load(options);
  }

  // The errors, with the file called "c". Empty if there are none.
  Lines errors(const std::string& text, const Lines& options = {}) {
    const Result result = load_text(text, options);
    const auto* errors = std::get_if<config::Errors>(&result);
    return errors == nullptr ? Lines{} : without_directory(errors->lines);
  }

  // Of a text that is expected to be good.
  config::Settings settings(const std::string& text, const Lines& options = {}) {
    return std::get<config::Loaded>(load_text(text, options)).settings;
  }

  Lines without_directory(Lines lines) const {
    for (std::string& line : lines) {
      if (line.starts_with(scratch_ / "")) line.erase(0, (scratch_ / "").size());
    }
    return lines;
  }

 protected:
  ScratchDirectory scratch_;
};
