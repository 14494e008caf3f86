#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "sim/peersim/exits.h"
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

int run(const std::vector<std::string>& words) {
  if (words.empty()) {
    std::fputs(kUsage, stderr);
    return peersim::kExitUsage;
  }
  if (words[0] == "--help" || words[0] == "-h") {
    std::fputs(kUsage, stdout);
    return peersim::kExitOk;
  }
  if (words[0] == "--version") {
    std::puts("peersim " PEERD_VERSION);
    return peersim::kExitOk;
  }
  for (const Verb& verb : kVerbs)
    if (words[0] == verb.name) return verb.run({words.begin() + 1, words.end()});
  std::fprintf(stderr, "peersim: '%s' is no verb; allowed: run, experiment, faults\n",
               words[0].c_str());
  return peersim::kExitUsage;
}

int no_output(const char* why) {
  std::fprintf(stderr, "peersim: standard output cannot be written: %s\n", why);
  return peersim::kExitIoError;
}

// What has been printed need not have been written yet.
int written(int exit_code) {
  std::cout.flush();
  const bool flushed = std::fflush(stdout) == 0;
  if (flushed && std::ferror(stdout) == 0) return exit_code;
  return no_output(flushed ? "not all of it" : std::strerror(errno));
}

}  // namespace

int main(int argc, char** argv) {
  // Before another file can take its place.
  if (::fcntl(STDOUT_FILENO, F_GETFD) < 0) return no_output("it is closed");
  try {
    return written(run(std::vector<std::string>(argv + 1, argv + argc)));
  } catch (const std::exception& error) {  // out of memory and the like
    std::fprintf(stderr, "peersim: %s\n", error.what());
    return peersim::kExitSoftware;
  }
}
