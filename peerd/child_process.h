// Children of this process.
#pragma once

#include <sys/types.h>

#include "peerd/command_end.h"

namespace peerd {

// But not reaped: its number, and its process group's, cannot be anybody else's yet.
bool has_ended(pid_t child);

// Waits for it, whatever signal tells of its end.
CommandEnd reap(pid_t child);

}  // namespace peerd
