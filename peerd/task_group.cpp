#include "peerd/task_group.h"

#include <signal.h>

#include <cassert>
#include <cstddef>

#include "peerd/process_tree.h"
#include "peerd/session.h"

namespace peerd {
namespace {

constexpr int kFreezeSweeps = 8;  // a session that forks faster is no task of ours

std::size_t signal_session(pid_t leader, int signal) {
  const std::size_t reached = signal_sessions({leader}, signal);
  if (reached == 0) ::kill(-leader, signal);  // no /proc
  return reached;
}

// A process that forks while the others are being stopped leaves one that is not: looked for again.
void stop_session(pid_t leader) {
  std::size_t last = 0;
  std::size_t stopped = signal_session(leader, SIGSTOP);
  for (int again = 0; again < kFreezeSweeps && stopped != last; ++again) {
    last = stopped;
    stopped = signal_session(leader, SIGSTOP);
  }
}

}  // namespace

void TaskGroup::terminate() const {
  if (contained_) {
    signal_task(first_, SIGTERM);
    signal_task(first_, SIGCONT);
  } else {
    signal_session(first_, SIGTERM);
    ::kill(-first_, SIGCONT);
  }
}

void TaskGroup::kill() const {
  assert(first_ > 1);  // else it would be everybody
  ::kill(contained_ ? first_ : -first_, SIGKILL);
}

void TaskGroup::freeze() const {
  if (contained_)
    stop_task(first_);
  else
    stop_session(first_);
}

void TaskGroup::thaw() const {
  if (contained_)
    resume_task(first_);
  else
    signal_session(first_, SIGCONT);
}

}  // namespace peerd
