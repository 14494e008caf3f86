// The driver's clock: monotonic, the same for all processes of a board until it is started anew. It
// goes on while the board sleeps, as leases do.
#pragma once

#include <time.h>

#include "core/types.h"

namespace peerd {

inline core::Time monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return core::Time{now.tv_sec} * core::kSecond + now.tv_nsec / 1000;
}

}  // namespace peerd
