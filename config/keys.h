// The table of all keys. Command line, help, sample, checks and reload are all driven by it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"

namespace config {

struct Key {
  std::string section;
  std::string name;
  std::string argument;  // DURATION, SIZE, ...: stands for the value in --help
  std::string allowed;   // "1ms ... 1min"
  std::string help;      // whole sentences
  bool live = true;      // may change while the daemon runs
  // Where the default is not a constant: what it is instead, and an example of a value.
  std::string default_note;
  std::string example;
  // Nullopt if the text is good and has been stored, else what is wrong with it; nothing is stored
  // then.
  std::function<std::optional<std::string>(const std::string& text, Settings& settings)> parse;
  // The inverse of `parse`.
  std::function<std::string(const Settings& settings)> print;

  std::string full_name() const { return section + "." + name; }
};

// In the order of the sample. policy.preset comes before the keys that override it.
const std::vector<Key>& keys();
const Key* find_key(const std::string& full_name);

struct Section {
  std::string name;
  std::string help;
};
const std::vector<Section>& sections();

// Values that are good one by one and not together.
struct Contradiction {
  std::vector<std::string> keys;  // all that take part
  std::string text;               // what is wrong; what is allowed
};
std::vector<Contradiction> contradictions(const Settings& settings);

}  // namespace config
