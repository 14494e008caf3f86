// The driver's clock: monotonic, the same for all processes of a board until it is started anew.
#pragma once

#include <uv.h>

#include "core/types.h"

namespace peerd {

inline core::Time monotonic_now() {
  return static_cast<core::Time>(uv_hrtime() / 1000);
}

}  // namespace peerd
