#include "config/ini.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <sstream>
#include <string_view>

#include "config/units.h"

namespace config {
namespace {

namespace po = boost::program_options;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_junk(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\r') || byte == 0x7f;
}

std::optional<IniError> find_junk(std::string_view line, int number) {
  for (const char c : line) {
    if (!is_junk(c)) continue;
    char text[80];
    std::snprintf(text, sizeof text, "byte 0x%02x: this is not a text file; allowed: lines of text",
                  static_cast<unsigned>(static_cast<unsigned char>(c)));
    return IniError{number, text};
  }
  return std::nullopt;
}

// Without its comment and the blanks around it.
std::string_view strip(std::string_view line) {
  line = line.substr(0, line.find('#'));
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t first = line.find_first_not_of(kBlanks);
  if (first == line.npos) return {};
  return line.substr(first, line.find_last_not_of(kBlanks) - first + 1);
}

bool is_section(std::string_view line) {
  return line.front() == '[' && line.back() == ']';
}

// One line at a time: Boost gives no line numbers and stops at the first error.
void read_assignment(const std::string& section, std::string_view line, int number, Ini& ini) {
  std::istringstream one(section + std::string(line) + "\n");
  try {
    const po::options_description known;
    const po::parsed_options parsed = po::parse_config_file(one, known, true);
    for (const po::option& option : parsed.options) {
      ini.assignments.push_back({number, option.string_key, option.value.at(0)});
    }
  } catch (const po::error&) {
    ini.errors.push_back({number, quoted(line) + " is neither a section nor an assignment; "
                                                 "allowed: [section], key = value, # comment"});
  }
}

}  // namespace

Ini read_ini(const std::string& text) {
  Ini ini;
  std::string_view rest = text;
  if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  std::string section;  // as a line for Boost
  for (int number = 1; !rest.empty(); ++number) {
    const std::string_view whole = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), whole.size() + 1));
    if (const auto junk = find_junk(whole, number)) {
      ini.errors.push_back(*junk);
      return ini;
    }
    const std::string_view line = strip(whole);
    if (line.empty()) continue;
    if (is_section(line)) {
      const std::string name(strip(line.substr(1, line.size() - 2)));
      ini.sections.push_back({number, name});
      section = name.empty() ? "" : "[" + name + "]\n";
    } else {
      read_assignment(section, line, number, ini);
    }
  }
  return ini;
}

bool read_ini_file(const std::string& path, std::string& text, std::string& error) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    error = std::string("cannot be read: ") + std::strerror(errno);
    return false;
  }
  text.resize(kMaxIniBytes + 1);
  std::size_t length = 0;
  ssize_t got = 0;
  do {
    got = read(file, text.data() + length, text.size() - length);
    if (got > 0) length += static_cast<std::size_t>(got);
  } while ((got > 0 && length < text.size()) || (got < 0 && errno == EINTR));
  if (got < 0) error = std::string("cannot be read: ") + std::strerror(errno);
  close(file);
  if (got < 0) return false;
  text.resize(length);
  if (length > kMaxIniBytes) error = "is longer than 1MiB; allowed: at most 1MiB";
  return length <= kMaxIniBytes;
}

}  // namespace config
