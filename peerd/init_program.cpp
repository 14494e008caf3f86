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

std::string failure(const char* what, int error) {
  return std::string(what) + ": " + std::system_category().message(error);
}

// Containers, say, may forbid it even to root.
int try_containment() {
  const long child = ::syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
  if (child < 0) return errno;
  if (child == 0) ::_exit(mount_namespaces_proc() ? 0 : errno);
  int status = 0;
  while (::waitpid(static_cast<pid_t>(child), &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

}  // namespace

std::string_view init_program() {
  return {peerd_init_begin, static_cast<std::size_t>(peerd_init_end - peerd_init_begin)};
}

UniqueFd open_init(std::string& reason) {
  if (const int error = try_containment(); error != 0) {
    reason = failure("no PID namespaces", error);
    return UniqueFd();
  }
  UniqueFd file(::memfd_create("peerd-init", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const std::string_view program = init_program();
  if (!file ||
      ::write(file.get(), program.data(), program.size()) != static_cast<ssize_t>(program.size())) {
    reason = failure("init", errno);
    return UniqueFd();
  }
  ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  return file;
}

}  // namespace peerd
