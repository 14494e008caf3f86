#include "peerd/spawn_child.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <cstring>

// Async-signal-safe calls only, no allocation, never a return.

namespace peerd {
namespace {

constexpr unsigned kCloseRangeCloexec = 1u << 2;  // Linux 5.11
constexpr const char* kShell = "/bin/sh";

[[noreturn]] void give_up(SpawnReport& report, SpawnStep step, int error,
                          const char* program = nullptr) {
  report = {step, error, program};
  _exit(127);
}

void reset_signal_handlers() {
  struct sigaction standard;
  std::memset(&standard, 0, sizeof standard);  // SIG_DFL, no flags, nothing masked
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &standard, nullptr);
}

void unblock_signals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// As shells tell a script without "#!" from a program made for another machine.
bool is_text(const char* program) {
  const int fd = open(program, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char start[128];
  const ssize_t size = read(fd, start, sizeof start);
  close(fd);
  for (ssize_t i = 0; i < size; ++i) {
    if (start[i] == '\n') return true;
    if (start[i] == '\0') return false;
  }
  return size >= 0;
}

[[noreturn]] void execute(SpawnPlan& plan, SpawnReport& report) {
  const char* denied = nullptr;
  for (const std::string& program : plan.programs) {
    execve(program.c_str(), plan.arguments.data(), plan.environment.data());
    if (errno == ENOEXEC && is_text(program.c_str())) {
      plan.shell_arguments[1] = const_cast<char*>(program.c_str());
      execve(kShell, plan.shell_arguments.data(), plan.environment.data());
    }
    // Where it is not, or may not be executed: a later directory of PATH may have it.
    if (errno == EACCES) {
      denied = program.c_str();
    } else if (errno != ENOENT && errno != ENOTDIR) {
      give_up(report, SpawnStep::exec, errno, program.c_str());
    }
  }
  give_up(report, SpawnStep::exec, denied != nullptr ? EACCES : ENOENT, denied);
}

// Where the kernel groups processes by session ("autogroup"), a nice value counts within the
// session only: a task's then is its session's. Best effort: ordinary users may do it ten times a
// second.
void set_session_nice(const char* text) {
  const int fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  const ssize_t ignored = write(fd, text, std::strlen(text));
  static_cast<void>(ignored);
  close(fd);
}

// The C library's calls would change all threads of the parent, whose memory this is.
bool become(const TaskUser& user) {
  return syscall(SYS_setgroups, user.groups.size(), user.groups.data()) == 0 &&
         syscall(SYS_setresgid, user.gid, user.gid, user.gid) == 0 &&
         syscall(SYS_setresuid, user.uid, user.uid, user.uid) == 0;
}

void die_with_parent(const SpawnPlan& plan, SpawnReport& report) {
  if (plan.within != nullptr) return;  // with init, everybody ends
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(report, SpawnStep::session, errno);
  if (getppid() != plan.parent) _exit(127);  // it is dead already, nobody reads the report
}

void join_cgroup(const SpawnPlan& plan, SpawnReport& report) {
  if (plan.cgroup_procs_fd >= 0 && write(plan.cgroup_procs_fd, "0", 1) != 1)
    give_up(report, SpawnStep::cgroup, errno);
}

// Signals have no handlers by now: the parent's would run in the parent's memory.
[[noreturn]] void run_command(SpawnPlan& plan, SpawnReport& report) {
  if (setsid() < 0) give_up(report, SpawnStep::session, errno);
  die_with_parent(plan, report);
  join_cgroup(plan, report);
  const rlimit no_core = {0, 0};
  if (setrlimit(RLIMIT_CORE, &no_core) != 0) give_up(report, SpawnStep::core_limit, errno);
  if (plan.cpu_limited && setrlimit(RLIMIT_CPU, &plan.cpu_limit) != 0)
    give_up(report, SpawnStep::cpu_limit, errno);
  for (int fd = 0; fd < 3; ++fd) {
    if (dup2(plan.streams[fd], fd) < 0) give_up(report, SpawnStep::streams, errno);
  }
#ifdef SYS_close_range
  // Ours are all O_CLOEXEC; a library's may not be. Older kernels refuse, which does no harm.
  syscall(SYS_close_range, 3u, ~0u, kCloseRangeCloexec);
#endif
  // Late: from here on the child may have to wait for a processor, and the parent for the child.
  if (setpriority(PRIO_PROCESS, 0, plan.nice) != 0) give_up(report, SpawnStep::nice, errno);
  if (plan.nice != 0) set_session_nice(plan.nice_text.c_str());
  if (plan.user != nullptr) {
    leave_session_keyring();
    if (!become(*plan.user)) give_up(report, SpawnStep::user, errno);
    die_with_parent(plan, report);  // a change of user calls it off
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(report, SpawnStep::user, errno);
  if (chdir(plan.directory) != 0) give_up(report, SpawnStep::directory, errno);
  unblock_signals();
  // Last: until exec the memory in use is the parent's, and its stack could not grow any more.
  if (plan.memory_limited && setrlimit(RLIMIT_AS, &plan.memory_limit) != 0)
    give_up(report, SpawnStep::memory_limit, errno);
  execute(plan, report);
}

[[noreturn]] __attribute__((noinline)) void run_uncontained_command(SpawnPlan& plan,
                                                                    SpawnReport& report) {
  reset_signal_handlers();
  run_command(plan, report);
}

// Nothing but the call: what vfork's child changes in this frame, the parent sees.
__attribute__((noinline)) pid_t fork_command(SpawnPlan& plan, SpawnReport& report) {
  const pid_t pid = vfork();
  if (pid == 0) run_uncontained_command(plan, report);
  return pid;
}

// As vfork, but with a stack of its own. `flags` has the signal that tells of its end.
pid_t clone_child(int (*run)(void*), std::byte* stack, int flags, void* argument) {
  return clone(run, stack + kChildStackBytes, CLONE_VM | CLONE_VFORK | flags, argument);
}

struct Start {
  SpawnPlan& plan;
  SpawnReport& report;
};

// Where this process is in a chroot, so is init, whose root this one takes.
bool enter_mounts(const TaskNamespace& space) {
  return setns(space.mounts_fd(), CLONE_NEWNS) == 0 && fchdir(space.root_fd()) == 0 &&
         chroot(".") == 0;
}

int run_contained_command(void* start) {
  auto& [plan, report] = *static_cast<Start*>(start);
  // First of all: init must know it when this process ends, in whatever way.
  const pid_t number = getpid();
  if (write(plan.within->socket_fd(), &number, sizeof number) != sizeof number ||
      !enter_mounts(*plan.within))
    give_up(report, SpawnStep::contain, errno);
  run_command(plan, report);
}

// In the namespace, but not init's child. Its own child becomes that when it ends.
int run_starter(void* start) {
  auto& [plan, report] = *static_cast<Start*>(start);
  reset_signal_handlers();
  std::byte* const stack = plan.stacks.get() + kChildStackBytes;
  if (clone_child(run_contained_command, stack, SIGCHLD, start) < 0)
    give_up(report, SpawnStep::contain, errno);
  _exit(0);
}

// A namespace that a thread enters is its next children's. The child is waited for at once: no
// signal tells of its end.
pid_t clone_within(const TaskNamespace& space, int (*run)(void*), std::byte* stack,
                   void* argument) {
  if (setns(space.pids_fd(), CLONE_NEWPID) != 0) return -1;
  const pid_t child = clone_child(run, stack, 0, argument);
  const int error = errno;
  int left = -1;
  do left = setns(space.outer_pids_fd(), CLONE_NEWPID);
  while (left != 0 && errno == ENOMEM);
  assert(left == 0);
  errno = error;
  return child;
}

struct Trial {
  const TaskNamespace& space;
  SpawnReport& report;
};

int run_trial(void* argument) {
  auto& [space, report] = *static_cast<Trial*>(argument);
  reset_signal_handlers();
  if (!enter_mounts(space)) give_up(report, SpawnStep::contain, errno);
  _exit(0);
}

// The board's own must not change.
bool mount_namespaces_proc() {
  return mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) == 0 &&
         mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0;
}

struct InitStart {
  int program_fd;
  int socket;
  SpawnReport& report;
};

int run_init(void* argument) {
  auto& [program_fd, socket, report] = *static_cast<InitStart*>(argument);
  reset_signal_handlers();
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || setsid() < 0 || !mount_namespaces_proc() ||
      dup2(socket, 0) < 0)
    give_up(report, SpawnStep::contain, errno);
  for (const int fd : {1, 2}) fcntl(fd, F_SETFD, FD_CLOEXEC);
  syscall(SYS_close_range, 3u, ~0u, kCloseRangeCloexec);
  char name[] = "init";
  char* arguments[] = {name, nullptr};
  char* environment[] = {nullptr};
  syscall(SYS_execveat, program_fd, "", arguments, environment, AT_EMPTY_PATH);
  give_up(report, SpawnStep::contain, errno);
}

// In the parent: its handlers must not run in a child, which has its memory. errno stays.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() {
    const int error = errno;
    pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
    errno = error;
  }

 private:
  sigset_t previous_;
};

}  // namespace

pid_t start_child(SpawnPlan& plan, SpawnReport& report) {
  const SignalsBlocked blocked;
  if (plan.within == nullptr) return fork_command(plan, report);
  Start start{plan, report};
  return clone_within(*plan.within, run_starter, plan.stacks.get(), &start);
}

pid_t start_trial(const TaskNamespace& space, SpawnReport& report) {
  const auto stack = std::make_unique<std::byte[]>(kChildStackBytes);
  Trial trial{space, report};
  const SignalsBlocked blocked;
  return clone_within(space, run_trial, stack.get(), &trial);
}

void leave_session_keyring() {
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);  // containers may refuse it
}

pid_t start_init(int init_fd, int socket, SpawnReport& report) {
  const auto stack = std::make_unique<std::byte[]>(kChildStackBytes);
  InitStart start{init_fd, socket, report};
  const SignalsBlocked blocked;
  return clone_child(run_init, stack.get(), CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, &start);
}

}  // namespace peerd
