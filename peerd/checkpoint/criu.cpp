#include "peerd/checkpoint/criu.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "peerd/checkpoint/inspection.h"
#include "peerd/checkpoint/namespaces.h"
#include "peerd/checkpoint/task_operation.h"
#include "peerd/embedded_file.h"
#include "peerd/proc_files.h"
#include "peerd/process_tree.h"
#include "peerd/unique_fd.h"

PEERD_EMBED(peerd_criu_fate, PEERD_CRIU_FATE);  // the library in criu_fate.cpp

namespace peerd {
namespace {

// CRIU keeps the limit itself while it freezes; one that is killed in the middle of a dump may take
// the task along.
constexpr std::uint64_t kTimeouts = 4;
constexpr int kLookEveryMs = 3;  // at what it has written meanwhile
constexpr const char* kFacts = "criu.kdat";

bool on_tmpfs(const std::string& path) {
  struct statfs system {};
  return ::statfs(path.c_str(), &system) == 0 && system.f_type == TMPFS_MAGIC;
}

// CRIU asks for the limits of the task's processes, for which it has to be their real user if it
// lacks CAP_SYS_RESOURCE, as in many containers: libraries that it only needs to find out about the
// kernel do not like that, hence Criu::kernel_facts. Its rights are those of its effective user,
// which is root.
bool run_as(const TaskUser& user) {
  if (::prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE) == 1) return true;
  return ::setresgid(user.gid, 0, 0) == 0 && ::setresuid(user.uid, 0, 0) == 0;
}

// In the child: processes that this CRIU traces end with it, see criu_fate.cpp. Where that cannot
// be they run until somebody ends them.
bool share_fate() {
  const auto size = static_cast<std::size_t>(peerd_criu_fate_end - peerd_criu_fate_begin);
  const int library = in_memory("criu-fate", {peerd_criu_fate_begin, size}).release();
  if (library < 0 || ::fcntl(library, F_SETFD, 0) != 0) return true;
  ::setenv("LD_PRELOAD", ("/proc/self/fd/" + std::to_string(library)).c_str(), 1);
  return true;
}

using Preparation = std::function<bool()>;  // in the child, before exec

[[noreturn]] void run_child(const std::vector<std::string>& arguments, const std::string& output,
                            const Preparation& prepare) {
  const int null = ::open("/dev/null", O_RDWR);
  const int log = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(null, 0);
  ::dup2(log < 0 ? null : log, 1);
  ::dup2(log < 0 ? null : log, 2);
  ::syscall(SYS_close_range, 3u, ~0u, 0u);
  ::clearenv();
  ::setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
  if (prepare && !prepare()) ::_exit(126);
  std::vector<char*> pointers;
  for (const std::string& argument : arguments)
    pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  ::execv(arguments[0].c_str(), pointers.data());
  ::_exit(127);
}

pid_t start(const std::vector<std::string>& arguments, const std::string& output,
            const Preparation& prepare = {}) {
  const pid_t child = ::fork();
  if (child == 0) run_child(arguments, output, prepare);
  return child;
}

int wait_for(pid_t child) {
  int status = -1;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

// Its wait status. `meanwhile` is called as often as the poll times out.
int attend(pid_t child, const CriuRun& run) {
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(kTimeouts * run.timeout_s);
  const UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  for (;;) {
    pollfd ended = {handle.get(), POLLIN, 0};
    if (::poll(&ended, 1, kLookEveryMs) > 0) break;
    const bool late = std::chrono::steady_clock::now() > deadline;
    if (run.meanwhile) run.meanwhile();
    if (late || !handle) kill_tree(child);
    if (late || !handle) break;
  }
  return wait_for(child);
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

CriuResult result_of(int status, const CriuRun& run, const std::string& log) {
  if (status == 0) return {};
  if (status == -1) return {"starting criu: " + std::system_category().message(errno), false};
  if (WIFSIGNALED(status)) return {"criu was killed or took too long", false};
  CriuResult result = criu_failure(read_text(run.images + "/" + log));
  if (!result.error.empty()) return result;
  const std::string said = first_line(read_text(run.images + "/criu.out"));
  return {said.empty() ? "criu failed without a word" : "criu: " + said, false};
}

std::string version_of(const std::string& text) {
  constexpr std::string_view kLabel = "Version: ";
  const std::size_t at = text.find(kLabel);
  return at == std::string::npos ? "" : first_line(text.substr(at + kLabel.size()));
}

std::string temporary(const std::string& runtime) {
  std::string pattern = runtime + "/check-XXXXXX";
  return ::mkdtemp(pattern.data()) == nullptr ? "" : pattern;
}

// Runs `criu check`; where /run is no tmpfs in a mount namespace where it is one, and keeps what it
// has found out.
[[noreturn]] void check_in_child(const std::string& program, const std::string& output,
                                 int facts_directory) {
  if (!on_tmpfs("/run") && facts_directory >= 0) {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_PRIVATE | MS_REC, nullptr) != 0 ||
        ::mount("tmpfs", "/run", "tmpfs", 0, "mode=0755,size=1m") != 0)
      ::_exit(1);
  }
  const int status = wait_for(start({program, "check"}, output));
  const std::string facts = on_tmpfs("/run") ? read_text("/run/criu.kdat") : std::string();
  if (status == 0 && facts_directory >= 0 && !facts.empty()) {
    const UniqueFd file(
        ::openat(facts_directory, kFacts, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file || ::write(file.get(), facts.data(), facts.size()) < 0) ::_exit(1);
  }
  ::_exit(status == 0 ? 0 : 1);
}

std::string check_error(const std::string& program, const std::string& runtime,
                        const std::string& output) {
  const UniqueFd directory(::open(runtime.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const bool keep = directory && !on_tmpfs("/run");
  const pid_t child = ::fork();
  if (child == 0) check_in_child(program, output, keep ? directory.get() : -1);
  if (wait_for(child) == 0) return {};
  const CriuResult failure = criu_failure(read_text(output));
  return failure.error.empty() ? "criu check fails" : failure.error;
}

std::string in_path(const std::string& name) {
  const char* const path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/sbin:/usr/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string program = folder + "/" + name;
    if (folder.starts_with('/') && ::access(program.c_str(), X_OK) == 0) return program;
  }
  return {};
}

bool make_own_directory(const std::string& path) {
  struct stat status {};
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return false;
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         status.st_uid == ::geteuid() && (status.st_mode & 022) == 0;
}

}  // namespace

std::string runtime_directory() {
  for (const std::string root : {"/run", "/dev/shm"}) {
    const std::string directory = root + "/peerd";
    if (on_tmpfs(root) && make_own_directory(directory)) return directory;
  }
  return {};
}

Criu criu_at(const std::string& program, const std::string& runtime) {
  Criu criu;
  criu.program = program;
  const std::string facts = runtime + "/" + kFacts;
  if (!on_tmpfs("/run") && ::access(facts.c_str(), R_OK) == 0) criu.kernel_facts = facts;
  return criu;
}

Criu find_criu(const std::string& configured, const std::string& runtime) {
  Criu criu;
  std::vector<std::string> candidates = {configured};
  if (configured.empty()) candidates = {in_path("criu"), std::string(kCriuPrefix) + "/criu"};
  if (::geteuid() != 0) {
    criu.reason = "needs root";
    return criu;
  }
  const std::string scratch = temporary(runtime.empty() ? "/tmp" : runtime);
  for (const std::string& program : candidates) {
    if (program.empty() || ::access(program.c_str(), X_OK) != 0) continue;
    const std::string output = scratch + "/check";
    ::unlink(output.c_str());
    criu.reason = check_error(program, runtime, output);
    if (!criu.reason.empty()) {
      criu.reason = program + ": " + criu.reason;
      continue;
    }
    criu.program = program;
    wait_for(start({program, "--version"}, output));
    criu.version = version_of(read_text(output));
    criu.kernel_facts = criu_at(program, runtime).kernel_facts;
    break;
  }
  if (criu.program.empty() && criu.reason.empty())
    criu.reason = configured.empty() ? "CRIU is not installed; scripts/install-criu.sh does that"
                                     : configured + " cannot be run";
  ::unlink((scratch + "/check").c_str());
  ::rmdir(scratch.c_str());
  return criu;
}

CriuResult criu_dump(const CriuRun& run, pid_t init, const TaskUser& user) {
  const int status = attend(
      start({run.criu.program, "dump", "--tree", std::to_string(init), "--images-dir", run.images,
             "--work-dir", run.images, "--log-file", "dump.log", "-v1", "--leave-stopped",
             "--manage-cgroups=ignore", "--file-locks", "--ghost-limit",
             std::to_string(kMaxDeletedFileBytes), "--timeout", std::to_string(run.timeout_s)},
            run.images + "/criu.out",
            [&] {
              if (!enter_surroundings_of(init).empty()) return false;
              offer_kernel_facts(run.criu.kernel_facts);
              return run_as(user);
            }),
      run);
  return result_of(status, run, "dump.log");
}

CriuResult criu_restore(const CriuRun& run, pid_t& init) {
  offer_kernel_facts(run.criu.kernel_facts);
  const std::string pid_file = run.images + "/init.pid";
  const int status = attend(
      start({run.criu.program, "restore", "--restore-detached", "--leave-stopped", "--images-dir",
             run.images, "--work-dir", run.images, "--log-file", "restore.log", "-v1",
             "--manage-cgroups=ignore", "--file-locks", "--pidfile", pid_file},
            run.images + "/criu.out", share_fate),
      run);
  init = std::atoi(read_text(pid_file).c_str());
  CriuResult result = result_of(status, run, "restore.log");
  if (result.error.empty() && init <= 0) result.error = "criu has restored nothing";
  return result;
}

}  // namespace peerd
