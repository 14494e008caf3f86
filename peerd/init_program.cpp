#include "peerd/init_program.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <system_error>

#include "peerd/embedded_file.h"
#include "peerd/spawn_child.h"

PEERD_EMBED(peerd_init, PEERD_INIT_PROGRAM);

namespace peerd {
namespace {

constexpr int kTrialExit = 200;  // no errno

std::string failure(const char* what, int error) {
  return std::string(what) + ": " + std::system_category().message(error);
}

// As PID 1, for one that ends at once.
[[noreturn]] void try_init(int init_fd) {
  if (!mount_namespaces_proc()) ::_exit(errno);
  const pid_t command = ::fork();
  if (command < 0) ::_exit(errno);
  if (command == 0) ::_exit(kTrialExit);
  char name[] = "init";
  char number[] = "2";
  char* arguments[] = {name, number, nullptr};
  char* environment[] = {nullptr};
  ::close(0);
  ::syscall(SYS_execveat, init_fd, "", arguments, environment, AT_EMPTY_PATH);
  ::_exit(errno);
}

// Containers, say, may forbid it even to root. 0, or errno says what is not allowed.
int try_containment(int init_fd) {
  const long child = ::syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
  if (child < 0) return errno;
  if (child == 0) try_init(init_fd);
  int status = 0;
  while (::waitpid(static_cast<pid_t>(child), &status, 0) < 0 && errno == EINTR) continue;
  if (!WIFEXITED(status)) return EIO;
  return WEXITSTATUS(status) == kTrialExit ? 0 : WEXITSTATUS(status);
}

}  // namespace

std::string_view init_program() {
  return {peerd_init_begin, static_cast<std::size_t>(peerd_init_end - peerd_init_begin)};
}

UniqueFd open_init(std::string& reason) {
  // By this a namespace's processes are found.
  if (::access("/proc/thread-self/children", R_OK) != 0) {
    reason = failure("/proc/thread-self/children", errno);
    return UniqueFd();
  }
  UniqueFd file = in_memory("peerd-init", init_program());
  if (!file) {
    reason = failure("init", errno);
    return UniqueFd();
  }
  if (const int error = try_containment(file.get()); error != 0) {
    reason = failure("PID namespaces", error);
    return UniqueFd();
  }
  return file;
}

}  // namespace peerd
