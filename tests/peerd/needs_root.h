// Of tests that need root: says so where it is somebody else; in continuous integration that is a
// failure.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "tests/catch.h"

inline bool is_root() {
  if (::geteuid() == 0) return true;
  const char* ci = std::getenv("CI");
  if (ci != nullptr && std::string(ci) == "true") FAIL("needs root");
  WARN("not tested: needs root");
  return false;
}
