// Preloaded into a CRIU that restores: what it traces ends with it. Else the kernel lets go of the
// processes when CRIU is killed, and a copy runs that nobody wants.
//
// It comes with peerd, and CRIU perhaps with a C library of its own: of that nothing but one
// function is used that all have.
#include <linux/ptrace.h>
#include <sys/syscall.h>

extern "C" long syscall(long number, ...);  // sets errno

namespace {

constexpr bool answers_with_a_word(long request) {
  return request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSR;
}

constexpr bool sets_options(long request) {
  return request == PTRACE_SEIZE || request == PTRACE_SETOPTIONS;
}

}  // namespace

extern "C" long ptrace(long request, long pid, long address, long data) {
  if (answers_with_a_word(request)) {
    long word = 0;
    const long failed = syscall(SYS_ptrace, request, pid, address, &word);
    return failed < 0 ? failed : word;
  }
  if (sets_options(request)) data |= PTRACE_O_EXITKILL;
  return syscall(SYS_ptrace, request, pid, address, data);
}
