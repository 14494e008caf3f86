// peersim: the peers' own code in virtual time.
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "sim/peersim/faults.h"

namespace {

constexpr int kUsage = 64;

struct Verb {
  const char* name;
  int (*run)(std::span<const std::string>);
  const char* purpose;
};

constexpr Verb kVerbs[] = {
    {"faults", peersim::faults, "breaks everything that can break, and checks every promise"},
};

void print_verbs(std::ostream& out) {
  out << "usage: peersim VERB [OPTIONS]; each verb has its --help\n";
  for (const Verb& verb : kVerbs) out << "  " << verb.name << "  " << verb.purpose << "\n";
}

}  // namespace

int main(int count, char** values) {
  const std::vector<std::string> arguments(values + 1, values + count);
  const std::string name = arguments.empty() ? "" : arguments.front();
  for (const Verb& verb : kVerbs)
    if (name == verb.name) return verb.run(std::span(arguments).subspan(1));
  const bool help = name == "--help" || name == "help";
  print_verbs(help ? std::cout : std::cerr);
  return help ? 0 : kUsage;
}
