#include "peerd/spawn_child.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

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
  if (plan.init_fd >= 0) return;  // with init, everybody ends
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(report, SpawnStep::session, errno);
  if (getppid() != plan.parent) _exit(127);  // it is dead already, nobody reads the report
}

void join_cgroup(const SpawnPlan& plan, SpawnReport& report) {
  if (plan.cgroup_procs_fd >= 0 && write(plan.cgroup_procs_fd, "0", 1) != 1)
    give_up(report, SpawnStep::cgroup, errno);
}

[[noreturn]] __attribute__((noinline)) void run_command(SpawnPlan& plan, SpawnReport& report) {
  // First of all: a handler of the parent's would now run in the parent's memory.
  reset_signal_handlers();
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

// Nothing but the call: what vfork's child changes in this frame, the parent sees.
__attribute__((noinline)) pid_t fork_command(SpawnPlan& plan, SpawnReport& report) {
  const pid_t pid = vfork();
  if (pid == 0) run_command(plan, report);
  return pid;
}

// Of a process number; they are small in a new namespace.
void print(pid_t number, char (&text)[16]) {
  char* digit = text + sizeof text - 1;
  *digit = '\0';
  do *--digit = static_cast<char>('0' + number % 10);
  while ((number /= 10) > 0);
  std::memmove(text, digit, static_cast<std::size_t>(text + sizeof text - digit));
}

struct Call {
  SpawnPlan& plan;
  SpawnReport& report;
};

// As vfork, but with a stack of its own, and into namespaces.
pid_t clone_child(int (*run)(void*), std::byte* stack_end, int namespaces, Call& call) {
  return clone(run, stack_end, CLONE_VM | CLONE_VFORK | SIGCHLD | namespaces, &call);
}

int run_contained_command(void* call) {
  run_command(static_cast<Call*>(call)->plan, static_cast<Call*>(call)->report);
}

// PID 1: has the command for its only child, and becomes the program init.
int run_init(void* argument) {
  Call& call = *static_cast<Call*>(argument);
  auto& [plan, report] = call;
  reset_signal_handlers();
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || setsid() < 0 || !mount_namespaces_proc())
    give_up(report, SpawnStep::contain, errno);
  // Everybody: who stays in the executor's cgroup keeps the next executor from having it.
  join_cgroup(plan, report);
  const pid_t command =
      clone_child(run_contained_command, plan.init_stack.get() + kInitStackBytes / 2, 0, call);
  if (command < 0) give_up(report, SpawnStep::contain, errno);
  if (report.step != SpawnStep::none) _exit(127);
  char number[16];
  print(command, number);
  char name[] = "init";
  char* arguments[] = {name, number, nullptr};
  char* environment[] = {nullptr};
  if (dup2(plan.end_fd, 0) < 0) give_up(report, SpawnStep::contain, errno);
  for (const int fd : {1, 2}) fcntl(fd, F_SETFD, FD_CLOEXEC);
  syscall(SYS_close_range, 3u, ~0u, kCloseRangeCloexec);
  syscall(SYS_execveat, plan.init_fd, "", arguments, environment, AT_EMPTY_PATH);
  give_up(report, SpawnStep::contain, errno);
}

}  // namespace

pid_t start_child(SpawnPlan& plan, SpawnReport& report) {
  if (plan.init_fd < 0) return fork_command(plan, report);
  Call call{plan, report};
  return clone_child(run_init, plan.init_stack.get() + kInitStackBytes, CLONE_NEWPID | CLONE_NEWNS,
                     call);
}

// The board's own must not change.
bool mount_namespaces_proc() {
  return mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) == 0 &&
         mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0;
}

}  // namespace peerd
