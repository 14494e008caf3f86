// A task's processes, seen from the board: init and everybody under it. Blocking, but short; needs
// root where the task is another user's.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "core/types.h"
#include "peerd/users.h"

namespace peerd {

// init first, parents before children. Empty if it is gone. A running tree may change meanwhile.
std::vector<pid_t> processes_of(pid_t init);

// Of this process, as long as it has one thread that starts some. Zombies, too.
std::vector<pid_t> own_children();

// Continues every process of a stopped task: after a restore, after a dump that is given up, and
// after every dump that failed. Does no harm to a task that runs. False if it is gone.
//
// A process that the task itself had stopped runs on, too, and one that catches SIGCONT notices.
bool resume_task(pid_t init);
// Stops a running task where it is (SIGSTOP), e.g. when a lease is about to run out.
bool stop_task(pid_t init);
// SIGTERM, say, to everyone but init.
bool signal_task(pid_t init, int signal);
// SIGKILL to init, by which the kernel ends everybody. False if it is gone. Its parent reaps it.
bool kill_task(pid_t init);

// A process that is being killed has no memory any more, but does not end before those that trace
// its children have let go of them: a CRIU among them waits for it in vain.
bool is_dying(pid_t pid);

// SIGKILL to a process and everybody under it. None of them runs on in between: what a CRIU
// restores would, if its tracer went first. Whose child `top` is reaps it.
void kill_tree(pid_t top);

// How the task ended, from init's own exit status as waitpid has it: exited 128 + N where a signal
// ended the main process: what it was init has written into STAY/status, which `stay` is for.
core::ExitStatus end_of_task(int wait_status, const std::string& stay);
// From STAY/status alone, for an executor that is not the parent any more. Nothing if init was
// killed.
std::optional<core::ExitStatus> status_in(const std::string& stay);

// Of the process as such, to recognize it again: the kernel's start time in ticks since boot, 0 if
// it is gone. A process number that somebody else has by then has another.
unsigned long long start_time_ticks(pid_t pid);

// What must hold for a restored task before it may run, whatever its image says: everybody is that
// user and group, in no other groups than these, without capabilities, and with no-new-privileges.
// Empty or one line.
std::string wrong_credentials(pid_t init, const TaskUser& user);

}  // namespace peerd
