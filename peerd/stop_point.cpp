#include "peerd/stop_point.h"

#ifdef PEERD_STOP_POINTS

#include <csignal>
#include <cstdlib>
#include <string>

namespace peerd {
namespace {

std::string wanted() {
  const char* step = std::getenv("PEERD_STOP_AT");
  return step == nullptr ? "" : step;
}

}  // namespace

void stop_point(std::string_view done, std::string_view what) {
  static std::string step = wanted();
  if (step.empty()) return;
  std::string here(done);
  if (!what.empty()) here.append(" ").append(what);
  if (here != step) return;
  step.clear();
  std::raise(SIGSTOP);
}

}  // namespace peerd

#endif
