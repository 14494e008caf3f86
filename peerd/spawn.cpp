#include "peerd/spawn.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>

namespace peerd {
namespace {

constexpr std::string_view kDefaultPath = "/usr/bin:/bin";
constexpr unsigned kCloseRangeCloexec = 1u << 2;  // Linux 5.11
constexpr const char* kShell = "/bin/sh";

enum class Step : std::uint8_t {
  none,
  session,
  cgroup,
  cpu_limit,
  memory_limit,
  core_limit,
  nice,
  user,
  directory,
  streams,
  exec
};

// Written by the child into the parent's memory, which vfork lets it share.
struct Report {
  Step step = Step::none;
  int error = 0;
  const char* program = nullptr;  // of Step::exec: the path that the error is about
};

// What the child needs, ready to be handed to system calls.
struct Plan {
  std::vector<std::string> programs;  // where the command may be, in order
  std::vector<char*> arguments;       // null-terminated
  std::vector<char*> environment;
  std::vector<char*> shell_arguments;  // /bin/sh PROGRAM ARGUMENTS...; the child fills in PROGRAM
  pid_t parent = -1;
  const char* directory = nullptr;
  const TaskUser* user = nullptr;
  int streams[3] = {-1, -1, -1};
  int cgroup_procs_fd = -1;
  int nice = 0;
  std::string nice_text;
  bool cpu_limited = false;
  bool memory_limited = false;
  rlimit cpu_limit{};
  rlimit memory_limit{};
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const std::string& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

std::string_view search_path(const std::vector<std::string>& environment) {
  for (const std::string& variable : environment) {
    if (variable.starts_with("PATH=")) return std::string_view(variable).substr(5);
  }
  return kDefaultPath;
}

std::vector<std::string> candidates(const std::string& command, std::string_view path) {
  if (command.empty()) return {};
  if (command.find('/') != std::string::npos) return {command};
  std::vector<std::string> programs;
  for (;;) {
    const std::size_t colon = path.find(':');
    const std::string_view folder = path.substr(0, colon);
    programs.push_back(std::string(folder.empty() ? "." : folder) + "/" + command);
    if (colon == std::string_view::npos) return programs;
    path.remove_prefix(colon + 1);
  }
}

// Soft and hard values as wished, as far as the caller's own hard limit allows.
rlimit within_own(auto resource, std::uint64_t soft, std::uint64_t hard) {
  rlimit own{};
  const int failed = getrlimit(resource, &own);
  assert(failed == 0);
  return {std::min<rlim_t>(soft, own.rlim_max), std::min<rlim_t>(hard, own.rlim_max)};
}

Plan prepare(const SpawnRequest& request) {
  assert(!request.arguments.empty());
  Plan plan;
  plan.programs = candidates(request.arguments[0], search_path(request.environment));
  plan.arguments = pointers(request.arguments);
  plan.environment = pointers(request.environment);
  plan.shell_arguments = {const_cast<char*>(kShell), nullptr};
  plan.shell_arguments.insert(plan.shell_arguments.end(), plan.arguments.begin() + 1,
                              plan.arguments.end());
  plan.parent = getpid();
  plan.directory = request.directory.c_str();
  plan.user = request.user;
  plan.streams[0] = request.stdin_fd;
  plan.streams[1] = request.stdout_fd;
  plan.streams[2] = request.stderr_fd;
  for (int fd : plan.streams) assert(fd > 2);
  plan.cgroup_procs_fd = request.cgroup_procs_fd;
  plan.nice = std::min(getpriority(PRIO_PROCESS, 0) + request.nice, 19);
  plan.nice_text = std::to_string(plan.nice);
  plan.cpu_limited = request.cpu_limit_s > 0;
  plan.cpu_limit = within_own(RLIMIT_CPU, request.cpu_limit_s, request.cpu_limit_s + 1);
  plan.memory_limited = request.address_space_bytes > 0;
  plan.memory_limit =
      within_own(RLIMIT_AS, request.address_space_bytes, request.address_space_bytes);
  return plan;
}

// In the child from here on: async-signal-safe calls only, no allocation, never a return.

[[noreturn]] void give_up(Report& report, Step step, int error, const char* program = nullptr) {
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

[[noreturn]] void execute(Plan& plan, Report& report) {
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
      give_up(report, Step::exec, errno, program.c_str());
    }
  }
  give_up(report, Step::exec, denied != nullptr ? EACCES : ENOENT, denied);
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

void die_with_parent(const Plan& plan, Report& report) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(report, Step::session, errno);
  if (getppid() != plan.parent) _exit(127);  // it is dead already, nobody reads the report
}

[[noreturn]] __attribute__((noinline)) void run_child(Plan& plan, Report& report) {
  // First of all: a handler of the parent's would now run in the parent's memory.
  reset_signal_handlers();
  if (setsid() < 0) give_up(report, Step::session, errno);
  die_with_parent(plan, report);
  if (plan.cgroup_procs_fd >= 0 && write(plan.cgroup_procs_fd, "0", 1) != 1)
    give_up(report, Step::cgroup, errno);
  const rlimit no_core = {0, 0};
  if (setrlimit(RLIMIT_CORE, &no_core) != 0) give_up(report, Step::core_limit, errno);
  if (plan.cpu_limited && setrlimit(RLIMIT_CPU, &plan.cpu_limit) != 0)
    give_up(report, Step::cpu_limit, errno);
  for (int fd = 0; fd < 3; ++fd) {
    if (dup2(plan.streams[fd], fd) < 0) give_up(report, Step::streams, errno);
  }
#ifdef SYS_close_range
  // Ours are all O_CLOEXEC; a library's may not be. Older kernels refuse, which does no harm.
  syscall(SYS_close_range, 3u, ~0u, kCloseRangeCloexec);
#endif
  // Late: from here on the child may have to wait for a processor, and the parent for the child.
  if (setpriority(PRIO_PROCESS, 0, plan.nice) != 0) give_up(report, Step::nice, errno);
  if (plan.nice != 0) set_session_nice(plan.nice_text.c_str());
  if (plan.user != nullptr) {
    if (!become(*plan.user)) give_up(report, Step::user, errno);
    die_with_parent(plan, report);  // a change of user calls it off
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(report, Step::user, errno);
  if (chdir(plan.directory) != 0) give_up(report, Step::directory, errno);
  unblock_signals();
  // Last: until exec the memory in use is the parent's, and its stack could not grow any more.
  if (plan.memory_limited && setrlimit(RLIMIT_AS, &plan.memory_limit) != 0)
    give_up(report, Step::memory_limit, errno);
  execute(plan, report);
}

// In the parent again.

// Nothing but the call: what vfork's child changes in this frame, the parent sees.
__attribute__((noinline)) pid_t fork_child(Plan& plan, Report& report) {
  const pid_t pid = vfork();
  if (pid == 0) run_child(plan, report);
  return pid;
}

std::string text_of(int error) {
  return std::system_category().message(error);
}

Spawned failure(const std::string& what, int error) {
  return {-1, {core::ExitStatus::Kind::failed, 0}, what + ": " + text_of(error)};
}

Spawned not_started(std::int32_t exit_code, const std::string& message) {
  return {-1, {core::ExitStatus::Kind::exited, exit_code}, message};
}

enum class FileKind { missing, directory, other };

FileKind kind_of(const SpawnRequest& request, const std::string& program) {
  const std::string path = program[0] == '/' ? program : request.directory + "/" + program;
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return FileKind::missing;
  return S_ISDIR(status.st_mode) ? FileKind::directory : FileKind::other;
}

Spawned not_found(const SpawnRequest& request, const Plan& plan) {
  const std::string& command = request.arguments[0];
  for (const std::string& program : plan.programs) {
    if (kind_of(request, program) == FileKind::other)
      return not_started(126, program + ": its interpreter is missing");
  }
  if (command.find('/') == std::string::npos)
    return not_started(127, command + ": command not found");
  return not_started(127, command + ": " + text_of(ENOENT));
}

// The same words and exit codes as a shell has for them.
Spawned exec_failure(const SpawnRequest& request, const Plan& plan, const Report& report) {
  if (report.program == nullptr) return not_found(request, plan);
  const std::string program = report.program;
  switch (report.error) {
    case EACCES:
      if (kind_of(request, program) != FileKind::directory)
        return not_started(126, program + ": " + text_of(EACCES));
      if (request.arguments[0] != program) return not_found(request, plan);
      return not_started(126, program + ": " + text_of(EISDIR));
    case EAGAIN:
    case EIO:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return failure(program, report.error);
    default:
      return not_started(126, program + ": " + text_of(report.error));
  }
}

Spawned explain(const SpawnRequest& request, const Plan& plan, const Report& report) {
  switch (report.step) {
    case Step::session:
      return failure("own session", report.error);
    case Step::cgroup:
      return failure("joining the cgroup", report.error);
    case Step::cpu_limit:
      return failure("CPU limit", report.error);
    case Step::memory_limit:
      return failure("memory limit", report.error);
    case Step::core_limit:
      return failure("core file limit", report.error);
    case Step::nice:
      return failure("nice value", report.error);
    case Step::user:
      return failure("becoming the task's user", report.error);
    case Step::directory:
      return failure("working directory " + request.directory, report.error);
    case Step::streams:
      return failure("standard streams", report.error);
    case Step::exec:
      return exec_failure(request, plan, report);
    case Step::none:
      break;
  }
  assert(false);
  return {};
}

void reap(pid_t pid) {
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
}

}  // namespace

Spawned spawn(const SpawnRequest& request) {
  Plan plan = prepare(request);
  Report report;
  sigset_t all, previous;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &previous);
  const pid_t pid = fork_child(plan, report);
  const int fork_error = errno;
  pthread_sigmask(SIG_SETMASK, &previous, nullptr);
  if (pid < 0) return failure("starting a process", fork_error);
  if (report.step == Step::none) return {pid, {}, {}};
  reap(pid);
  return explain(request, plan, report);
}

}  // namespace peerd
