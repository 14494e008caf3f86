// How far a run is, told where there is no terminal.
#include "sim/peersim/progress.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "tests/catch.h"

namespace {

// What is written to standard error meanwhile.
template <typename Work>
std::string told(Work work) {
  std::FILE* const file = std::tmpfile();
  REQUIRE(file != nullptr);
  std::fflush(stderr);
  const int before = ::dup(STDERR_FILENO);
  ::dup2(::fileno(file), STDERR_FILENO);
  work();
  std::fflush(stderr);
  ::dup2(before, STDERR_FILENO);
  ::close(before);
  std::string text;
  std::rewind(file);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

std::string told_of_a_hundred_steps(std::chrono::milliseconds pause) {
  return told([pause] {
    peersim::ProgressBar bar("work", pause);
    const sim::Progress progress = bar.progress();
    for (int step = 0; step <= 100; ++step) progress(step / 100.0);
  });
}

}  // namespace

TEST_CASE("progress: without a terminal a line for every tenth") {
  CHECK(told_of_a_hundred_steps(std::chrono::milliseconds(0)) ==
        "work: 10 %\nwork: 20 %\nwork: 30 %\nwork: 40 %\nwork: 50 %\nwork: 60 %\nwork: 70 %\n"
        "work: 80 %\nwork: 90 %\n");
}

TEST_CASE("progress: what is soon over says nothing") {
  CHECK(told_of_a_hundred_steps(std::chrono::hours(1)) == "");
}
