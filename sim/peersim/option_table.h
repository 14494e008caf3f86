// The options of all verbs that run experiments, apart from the configuration's keys.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace peersim {

// What a verb does in its own way.
struct Verb {
  std::string name;  // "run"
  // --help's whole text around the list of options.
  std::function<std::string(const boost::program_options::options_description&)> help;
  std::map<std::string, std::string> defaults;  // other than the table's; configuration keys too
  std::vector<std::string> varied;              // options and keys that the verb sets itself
  bool prints_result = true;                    // as text, JSON or CSV

  bool varies(const std::string& option) const;
};

// Each has a default. Those that the verb varies are understood too, but not worth showing.
boost::program_options::options_description options_of(const Verb& verb, bool with_varied);

}  // namespace peersim
