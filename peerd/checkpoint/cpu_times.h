// A restored process's CPU time begins at zero, and with it what a CPU limit counts: so each
// process's limit goes down by what it had used.
#pragma once

#include <sys/types.h>

#include <string>

#include "peerd/users.h"

namespace peerd {

// Notes beside the image what each process of a stopped task has used. False, and errno, if that
// cannot be written.
bool note_cpu_times(pid_t init, const std::string& images);
// Lowers the CPU limits of a restored task's processes by what is noted, to the second; one that is
// used up becomes a second. Whatever is noted, none is raised. For a process with a single thread.
void charge_cpu_times(pid_t init, const std::string& images, const TaskUser& user);

}  // namespace peerd
