#include "config/settings.h"

#include <algorithm>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/parsers.hpp>
#include <cassert>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "config/help.h"
#include "config/ini.h"
#include "config/keys.h"
#include "config/paths.h"
#include "config/suggestion.h"
#include "config/units.h"

namespace config {
namespace {

namespace po = boost::program_options;

constexpr std::size_t kMaxErrors = 100;  // shown, of one file

// Where something was said. The command line comes after every line of the file.
struct Place {
  std::string text;
  int order = 0;
};

struct Given {
  Place place;
  std::string value;
};

std::vector<std::string> key_names() {
  std::vector<std::string> names;
  for (const Key& key : keys()) names.push_back(key.full_name());
  return names;
}

std::vector<std::string> section_names() {
  std::vector<std::string> names;
  for (const Section& section : sections()) names.push_back(section.name);
  return names;
}

// Keys of that name whatever the section, else the nearest one.
std::string suggestion_for_key(const std::string& full_name) {
  const std::string name = full_name.substr(full_name.rfind('.') + 1);
  std::string meant;
  for (const Key& key : keys()) {
    if (key.name == name) meant += (meant.empty() ? "" : " or ") + key.full_name();
  }
  if (meant.empty()) meant = nearest(full_name, key_names()).value_or("");
  return meant.empty() ? "allowed: the keys that peerd --help lists"
                       : "did you mean " + meant + "?";
}

std::string suggestion_for_section(const std::string& name) {
  if (const auto meant = nearest(name, section_names())) return "did you mean [" + *meant + "]?";
  std::string known;
  for (const std::string& section : section_names()) {
    known += (known.empty() ? "[" : ", [") + section + "]";
  }
  return "allowed: " + known;
}

class Loader {
 public:
  explicit Loader(const Settings& defaults) : settings_(defaults) {}
  std::variant<Loaded, Errors> load(int argc, const char* const* argv);

 private:
  void read_command_line(int argc, const char* const* argv);
  void take_option(const po::option& option);
  void read_file();
  void check_sections(const Ini& ini);
  void take_assignments(const Ini& ini);
  void apply_keys();
  void apply(const Key& key, const std::map<std::string, Given>& given);
  void derive();
  void check_whole();
  bool is_given(const std::string& key) const;
  Place place_of(const std::string& key) const;
  void complain(const Place& place, const std::string& text);
  Errors errors();

  Settings settings_;
  std::optional<std::string> file_;
  std::optional<Mode> mode_;
  std::map<std::string, Given> from_file_, from_options_;
  std::set<std::string> bad_keys_;
  std::set<std::string> bad_sections_;
  std::vector<std::pair<int, std::string>> complaints_;  // order, line
};

const Place kCommandLine{"command line", std::numeric_limits<int>::max()};

std::variant<Loaded, Errors> Loader::load(int argc, const char* const* argv) {
  read_command_line(argc, argv);
  const Mode mode = mode_.value_or(Mode::run);
  if (mode == Mode::help) return Loaded{{}, mode, usage()};
  if (mode == Mode::version) return Loaded{{}, mode, "peerd " PEERD_VERSION "\n"};
  if (mode == Mode::sample) return Loaded{{}, mode, sample_config()};
  if (file_) read_file();
  apply_keys();
  derive();
  check_whole();
  if (!complaints_.empty()) return errors();
  const std::string checked = file_ ? *file_ : "the configuration";
  return Loaded{settings_, mode, mode == Mode::check ? checked + " is good\n" : ""};
}

void Loader::read_command_line(int argc, const char* const* argv) {
  po::options_description options = general_options();
  for (const std::string& section : section_names()) options.add(key_options(section));
  namespace style = po::command_line_style;
  try {
    const po::parsed_options parsed = po::command_line_parser(argc, argv)
                                          .options(options)
                                          .style(style::unix_style & ~style::allow_guessing)
                                          .allow_unregistered()
                                          .run();
    for (const po::option& option : parsed.options) take_option(option);
  } catch (const po::error& error) {
    complain(kCommandLine, error.what() + std::string("; see peerd --help"));
  }
}

void Loader::take_option(const po::option& option) {
  static const std::map<std::string, Mode> kModes = {{"help", Mode::help},
                                                     {"version", Mode::version},
                                                     {"sample-config", Mode::sample},
                                                     {"check-config", Mode::check}};
  const std::string& name = option.string_key;
  if (name.empty() || option.position_key >= 0) {
    complain(kCommandLine, quoted(option.value.empty() ? "" : option.value[0]) +
                               " is not an option; allowed: --config FILE and --SECTION.KEY=VALUE");
  } else if (option.unregistered) {
    complain(kCommandLine, "--" + shown(name) + ": unknown option; " + suggestion_for_key(name));
  } else if (const auto mode = kModes.find(name); mode != kModes.end()) {
    if (!mode_ || *mode_ == Mode::check) mode_ = mode->second;
  } else if (name == "config") {
    if (file_) complain(kCommandLine, "--config: given twice; allowed: once");
    file_ = option.value.at(0);
  } else if (!from_options_.emplace(name, Given{kCommandLine, option.value.at(0)}).second) {
    complain(kCommandLine, name + ": given twice; allowed: once");
  }
}

void Loader::read_file() {
  std::string text, error;
  if (!read_ini_file(*file_, text, error)) {
    complain({*file_, 0}, error);
    return;
  }
  const Ini ini = read_ini(text);
  for (const IniError& wrong : ini.errors) {
    complain({*file_ + ":" + std::to_string(wrong.line), wrong.line}, wrong.text);
  }
  check_sections(ini);
  take_assignments(ini);
}

void Loader::check_sections(const Ini& ini) {
  const std::vector<std::string> known = section_names();
  for (const IniSection& section : ini.sections) {
    if (std::find(known.begin(), known.end(), section.name) != known.end()) continue;
    bad_sections_.insert(section.name);
    complain(
        {*file_ + ":" + std::to_string(section.line), section.line},
        "[" + shown(section.name) + "]: unknown section; " + suggestion_for_section(section.name));
  }
}

void Loader::take_assignments(const Ini& ini) {
  for (const Assignment& assignment : ini.assignments) {
    if (bad_sections_.contains(assignment.key.substr(0, assignment.key.find('.')))) continue;
    const Place place{*file_ + ":" + std::to_string(assignment.line), assignment.line};
    if (find_key(assignment.key) == nullptr) {
      complain(place,
               shown(assignment.key) + ": unknown key; " + suggestion_for_key(assignment.key));
      continue;
    }
    const auto [first, added] = from_file_.emplace(assignment.key, Given{place, assignment.value});
    if (!added) {
      complain(place, assignment.key + ": given twice, first in line " +
                          std::to_string(first->second.place.order) + "; allowed: once");
    }
  }
}

// In the order of the table: the preset first, then what overrides it; the file first, then the
// options.
void Loader::apply_keys() {
  for (const Key& key : keys()) {
    apply(key, from_file_);
    apply(key, from_options_);
  }
}

void Loader::apply(const Key& key, const std::map<std::string, Given>& given) {
  const auto found = given.find(key.full_name());
  if (found == given.end()) return;
  const auto wrong = key.parse(found->second.value, settings_);
  if (!wrong) return;
  bad_keys_.insert(key.full_name());
  complain(found->second.place, key.full_name() + ": " + *wrong + "; allowed: " + key.allowed);
}

// Defaults that follow other keys.
void Loader::derive() {
  if (!is_given("load.weight")) {
    settings_.core.load.weight_thousandths = weight_for(settings_.core.load.slots);
  }
  if (!is_given("node.socket")) settings_.socket = socket_in(settings_.state_directory);
  if (!is_given("network.advertise")) settings_.advertise = settings_.listen;
}

// A key that could not be read is not blamed again for not going with another.
void Loader::check_whole() {
  for (const Contradiction& contradiction : contradictions(settings_)) {
    const auto is_bad = [&](const std::string& key) { return bad_keys_.contains(key); };
    if (std::any_of(contradiction.keys.begin(), contradiction.keys.end(), is_bad)) continue;
    const auto culprit = std::find_if(contradiction.keys.begin(), contradiction.keys.end(),
                                      [&](const std::string& key) { return is_given(key); });
    const std::string& key =
        culprit == contradiction.keys.end() ? contradiction.keys.front() : *culprit;
    complain(place_of(key), key + ": " + contradiction.text);
  }
}

bool Loader::is_given(const std::string& key) const {
  return from_file_.contains(key) || from_options_.contains(key);
}

Place Loader::place_of(const std::string& key) const {
  if (from_options_.contains(key)) return kCommandLine;
  const auto found = from_file_.find(key);
  return found == from_file_.end() ? Place{"default", 0} : found->second.place;
}

void Loader::complain(const Place& place, const std::string& text) {
  complaints_.emplace_back(place.order, place.text + ": " + text);
}

Errors Loader::errors() {
  std::stable_sort(complaints_.begin(), complaints_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  Errors result;
  for (const auto& [order, line] : complaints_) {
    if (result.lines.size() == kMaxErrors) break;
    result.lines.push_back(line);
  }
  if (complaints_.size() > kMaxErrors) {
    result.lines.push_back("and " + std::to_string(complaints_.size() - kMaxErrors) + " more");
  }
  return result;
}

// "key: old -> new" for each that differs and may, or may not, change while the daemon runs.
std::vector<std::string> differences(bool live, const Settings& old, const Settings& now) {
  std::vector<std::string> lines;
  for (const Key& key : keys()) {
    if (key.live != live) continue;
    const std::string before = key.print(old);
    const std::string after = key.print(now);
    if (before != after) lines.push_back(key.full_name() + ": " + before + " -> " + after);
  }
  return lines;
}

}  // namespace

std::variant<Loaded, Errors> load(int argc, const char* const* argv, const Settings& defaults) {
  return Loader(defaults).load(argc, argv);
}

std::vector<std::string> changes(const Settings& old, const Settings& now) {
  return differences(true, old, now);
}

std::vector<std::string> restart_needed(const Settings& old, const Settings& now) {
  return differences(false, old, now);
}

Settings apply_changes(const Settings& old, const Settings& now) {
  Settings result = now;
  for (const Key& key : keys()) {
    if (key.live) continue;
    const auto wrong = key.parse(key.print(old), result);
    assert(!wrong);
  }
  return result;
}

}  // namespace config
