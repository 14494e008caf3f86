#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "sim/peersim/experiment.h"
#include "sim/peersim/faults.h"
#include "sim/peersim/run.h"

namespace {

constexpr char kUsage[] =
    "Usage: peersim VERB ...\n"
    "\n"
    "  run         simulate a cluster under a workload and print response times and messages\n"
    "  experiment  compare policies, settings and loads; writes tables and charts\n"
    "  faults      let everything break that can break, and check every promise\n"
    "\n"
    "peersim VERB --help tells more. peersim --version prints the version.\n";

struct Verb {
  const char* name;
  int (*run)(const std::vector<std::string>& arguments);
};

constexpr Verb kVerbs[] = {
    {"run", peersim::run}, {"experiment", peersim::experiment}, {"faults", peersim::faults}};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) {
    std::fputs(kUsage, stderr);
    return 64;
  }
  if (words[0] == "--help" || words[0] == "-h") return std::fputs(kUsage, stdout) < 0;
  if (words[0] == "--version") return std::puts("peersim " PEERD_VERSION) < 0;
  for (const Verb& verb : kVerbs)
    if (words[0] == verb.name) return verb.run({words.begin() + 1, words.end()});
  std::fprintf(stderr, "peersim: '%s' is no verb; allowed: run, experiment, faults\n",
               words[0].c_str());
  return 64;
}
