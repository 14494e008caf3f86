// Sessions of processes: a task is one, and whatever it left running belongs to it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

namespace peerd {

// Sends `signal` to every process, of whatever process group, whose session is one of `sessions`
// (sorted), and returns how many there were. Reads all of /proc, where it is mounted: not for every
// short task. A process that has made itself a session of its own is beyond its reach.
std::size_t signal_sessions(const std::vector<pid_t>& sessions, int signal);

// As /proc lists them now; none where it is not mounted.
std::vector<pid_t> all_processes();

}  // namespace peerd
