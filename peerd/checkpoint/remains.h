// What is left of an operation on a task (peerd-task) if that itself was killed, which ends what it
// has started otherwise. Looked for in all of /proc: not everybody has a new parent already.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace peerd {

// "images-PID-": what the names of an operation's directories of images begin with.
std::string images_of(pid_t operation);

// The CRIU that works in one of those in `runtime`; -1 if there is none.
pid_t criu_left_by(pid_t operation, const std::string& runtime);

// Kills those, of whatever operation, that are children of this process: for one that ends, and
// waits for tasks that they may trace.
void kill_own_crius(const std::string& runtime);

// Kills everybody who has one of the stays around him (namespaces.h): a task that was being started
// or restored, and a CRIU.
void kill_around(const std::vector<std::string>& stays);

// Of a task whose dump was killed: whether its CRIU is through with it, by itself or in the end
// because it is killed. Only then may the task be continued; to be asked until it has been so
// twice: there may be one that has not begun to be a CRIU.
bool dump_is_over(pid_t operation, const std::string& runtime, pid_t init, bool late);

}  // namespace peerd
