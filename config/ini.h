// An INI text as a list of assignments that know their lines. What a line means is decided by
// Boost.Program_options; the line numbers, and going on after an error, are ours.
#pragma once

#include <string>
#include <vector>

namespace config {

struct Assignment {
  int line = 0;
  std::string key;  // "section.name"
  std::string value;
};

struct IniSection {
  int line = 0;
  std::string name;
};

struct IniError {
  int line = 0;
  std::string text;
};

struct Ini {
  std::vector<IniSection> sections;
  std::vector<Assignment> assignments;
  std::vector<IniError> errors;
};

Ini read_ini(const std::string& text);

constexpr std::size_t kMaxIniBytes = 1 << 20;

// Reads the file whole. On failure returns false, and `error` says why, without the file's name.
bool read_ini_file(const std::string& path, std::string& text, std::string& error);

}  // namespace config
