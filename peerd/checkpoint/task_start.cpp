#include "peerd/checkpoint/task_start.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <system_error>
#include <utility>

#include "peerd/checkpoint/namespaces.h"
#include "peerd/checkpoint/task_paths.h"
#include "peerd/init_program.h"
#include "peerd/spawn.h"
#include "peerd/spawn_child.h"
#include "peerd/unique_fd.h"

namespace peerd {
namespace {

constexpr std::size_t kMaxMessageBytes = 2048;

// From PID 1 to the starting process, through a pipe.
struct Report {
  pid_t main_process = -1;
  core::ExitStatus status;
  std::size_t message_size = 0;
  std::array<char, kMaxMessageBytes> message;
};

StartedTask failed(const std::string& what) {
  return {
      -1, {core::ExitStatus::Kind::failed, 0}, what + ": " + std::system_category().message(errno)};
}

std::string in_stay(const TaskStart& task, const char* name) {
  return task.stay + "/" + name;
}

bool write_whole(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool write_init(const std::string& path) {
  const UniqueFd file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0555));
  return file && write_whole(file.get(), init_program()) && ::fchmod(file.get(), 0555) == 0;
}

UniqueFd open_own(const TaskStart& task, const char* name, int flags) {
  UniqueFd file(::open(in_stay(task, name).c_str(), flags | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                       S_IRUSR | S_IWUSR));
  if (!file || ::fchown(file.get(), task.user.uid, task.user.gid) != 0) return UniqueFd();
  return file;
}

// Opened by path within the task's root: these paths are what a checkpoint records.
UniqueFd open_stream(const char* name, int flags) {
  const std::string path = std::string(kTaskDirectory) + "/" + name;
  return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC));
}

// A spawned process's descriptors must not be below 3.
UniqueFd above_standard_streams(const UniqueFd& fd) {
  return UniqueFd(fd ? ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3) : -1);
}

bool become(const TaskStart& task) {
  return ::setgroups(task.user.groups.size(), task.user.groups.data()) == 0 &&
         ::setresgid(task.user.gid, task.user.gid, task.user.gid) == 0 &&
         ::setresuid(task.user.uid, task.user.uid, task.user.uid) == 0 &&
         ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

Spawned not_spawned(const std::string& what) {
  const StartedTask start = failed(what);
  return {-1, start.status, start.message};
}

// As PID 1.
Spawned start_main_process(const TaskStart& task) {
  if (const std::string error = mount_own_proc(); !error.empty())
    return {-1, {core::ExitStatus::Kind::failed, 0}, error};
  if (::setsid() < 0 || ::chroot(kTaskRoot) != 0 || ::chdir(kWorkingDirectory) != 0)
    return not_spawned(kWorkingDirectory);
  UniqueFd input = open_stream("stdin", O_RDONLY);
  if (!input && errno == ENOENT) input = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd in = above_standard_streams(input);
  const UniqueFd out = above_standard_streams(open_stream("stdout", O_WRONLY | O_APPEND));
  const UniqueFd err = above_standard_streams(open_stream("stderr", O_WRONLY | O_APPEND));
  if (!in || !out || !err) return not_spawned("standard streams");
  leave_session_keyring();
  if (!become(task)) return not_spawned("user " + std::to_string(task.user.uid));
  return spawn({.arguments = task.arguments,
                .environment = task.environment,
                .directory = kWorkingDirectory,
                .stdin_fd = in.get(),
                .stdout_fd = out.get(),
                .stderr_fd = err.get(),
                .nice = task.nice,
                .cpu_limit_s = task.cpu_limit_s,
                .address_space_bytes = task.address_space_bytes,
                .cgroup_procs_fd = -1});
}

[[noreturn]] void run_first_process(const TaskStart& task, const UniqueFd& report_to) {
  // For init, which takes them from the queue; spawn() unblocks them for the main process.
  sigset_t all;
  sigfillset(&all);
  sigdelset(&all, SIGCONT);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  const Spawned spawned = start_main_process(task);
  Report report;
  report.main_process = spawned.pid;
  report.status = spawned.status;
  report.message_size = spawned.message.copy(report.message.data(), report.message.size());
  const std::string_view bytes(reinterpret_cast<const char*>(&report), sizeof report);
  if (!write_whole(report_to.get(), bytes) || spawned.pid < 0) ::_exit(1);
  const std::string main_process = std::to_string(spawned.pid);
  // Init has no descriptors; this one closes as soon as it is init.
  const unsigned report_fd = static_cast<unsigned>(report_to.get());
  if (report_fd > 0) ::syscall(SYS_close_range, 0u, report_fd - 1, 0u);
  ::syscall(SYS_close_range, report_fd + 1, ~0u, 0u);
  ::execl(kInitPath, "init", main_process.c_str(), kStatusPath, nullptr);
  ::_exit(1);
}

bool read_report(int fd, Report& report) {
  char* const bytes = reinterpret_cast<char*>(&report);
  std::size_t size = 0;
  while (size < sizeof report) {
    const ssize_t got = ::read(fd, bytes + size, sizeof report - size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    size += static_cast<std::size_t>(got);
  }
  return true;
}

StartedTask await_report(pid_t init, const UniqueFd& from) {
  Report report;
  errno = 0;
  const bool reported = read_report(from.get(), report);
  if (reported && report.main_process > 0) {
    char nothing = 0;
    while (::read(from.get(), &nothing, 1) < 0 && errno == EINTR) continue;
    return {init, {}, {}};
  }
  const StartedTask silent = failed("the task's first process ended early");
  while (::waitpid(init, nullptr, 0) < 0 && errno == EINTR) continue;
  if (!reported) return silent;
  return {-1, report.status, std::string(report.message.data(), report.message_size)};
}

}  // namespace

std::string join_cgroup(const std::string& cgroup) {
  if (cgroup.empty()) return {};
  const std::string path = cgroup + "/cgroup.procs";
  const UniqueFd procs(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (procs && write_whole(procs.get(), "0")) return {};
  return path + ": " + std::system_category().message(errno);
}

bool share_output(const std::string& stay) {
  struct stat status {};
  if (::stat(stay.c_str(), &status) != 0) return false;
  for (const char* name : {"/stdout", "/stderr"}) {
    const UniqueFd file(::open((stay + name).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file || ::fchown(file.get(), static_cast<uid_t>(-1), status.st_gid) != 0 ||
        ::fchmod(file.get(), S_IRUSR | S_IWUSR | S_IRGRP) != 0)
      return false;
  }
  return true;
}

StartedTask start_task(const TaskStart& task) {
  if (!write_init(in_stay(task, "init"))) return failed(in_stay(task, "init"));
  for (const char* name : {"status", "stdout", "stderr"}) {
    if (!open_own(task, name, O_WRONLY)) return failed(in_stay(task, name));
  }
  if (!share_output(task.stay)) return failed(in_stay(task, "stdout"));
  for (const std::string& error : {join_cgroup(task.cgroup), enter_new_surroundings(task.stay)}) {
    if (!error.empty()) return {-1, {core::ExitStatus::Kind::failed, 0}, error};
  }
  if (::unshare(CLONE_NEWPID) != 0) return failed("a PID namespace");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return failed("a pipe");
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t init = ::fork();
  if (init < 0) return failed("starting a process");
  if (init == 0) run_first_process(task, writer);
  writer = UniqueFd();
  return await_report(init, reader);
}

}  // namespace peerd
