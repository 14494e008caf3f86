#include "peerd/init_program.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <system_error>

#include "peerd/spawn_child.h"

asm(".section .rodata\n"
    ".global peerd_init_begin\n.global peerd_init_end\n"
    "peerd_init_begin: .incbin \"" PEERD_INIT_PROGRAM
    "\"\n"
    "peerd_init_end:\n"
    ".previous\n");
extern "C" const char peerd_init_begin[];
extern "C" const char peerd_init_end[];

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

// Where that is not said, newer kernels may forbid it to be executed, and older ones do not know
// it.
UniqueFd executable_memory() {
  constexpr unsigned kExecutable = 0x10;  // MFD_EXEC, Linux 6.3
  UniqueFd file(::memfd_create("peerd-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | kExecutable));
  if (file || errno != EINVAL) return file;
  return UniqueFd(::memfd_create("peerd-init", MFD_CLOEXEC | MFD_ALLOW_SEALING));
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
  UniqueFd file = executable_memory();
  const std::string_view program = init_program();
  if (!file ||
      ::write(file.get(), program.data(), program.size()) != static_cast<ssize_t>(program.size())) {
    reason = failure("init", errno);
    return UniqueFd();
  }
  ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  if (const int error = try_containment(file.get()); error != 0) {
    reason = failure("PID namespaces", error);
    return UniqueFd();
  }
  return file;
}

}  // namespace peerd
