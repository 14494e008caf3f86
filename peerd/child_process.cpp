#include "peerd/child_process.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <cassert>
#include <cerrno>

namespace peerd {
namespace {

long long microseconds(const timeval& time) {
  return static_cast<long long>(time.tv_sec) * 1'000'000 + time.tv_usec;
}

}  // namespace

bool has_ended(pid_t child) {
  siginfo_t info{};
  const int failed = ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT);
  assert(failed == 0 || errno == EINTR);
  return failed == 0 && info.si_pid == child;
}

CommandEnd reap(pid_t child) {
  int wait_status = 0;
  rusage usage{};
  pid_t reaped;
  do {
    reaped = ::wait4(child, &wait_status, __WALL, &usage);
  } while (reaped < 0 && errno == EINTR);
  assert(reaped == child);
  return {microseconds(usage.ru_utime) + microseconds(usage.ru_stime), wait_status};
}

}  // namespace peerd
