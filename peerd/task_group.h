// All processes of one task: those of its first one's session, or, where it is contained, of its
// PID namespace. From the second nobody escapes; from the first does whoever makes a session of its
// own.
#pragma once

#include <sys/types.h>

namespace peerd {

class TaskGroup {
 public:
  TaskGroup() = default;
  // `first`: the session's leader, or init (spawn.h).
  TaskGroup(pid_t first, bool contained) : first_(first), contained_(contained) {}

  pid_t first() const { return first_; }
  bool contained() const { return contained_; }
  void terminate() const;  // SIGTERM, also to those that are stopped
  // SIGKILL: of a session, to the first one's process group alone.
  void kill() const;
  void freeze() const;  // SIGSTOP, until thaw()
  void thaw() const;

 private:
  pid_t first_ = -1;
  bool contained_ = false;
};

}  // namespace peerd
