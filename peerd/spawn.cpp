#include "peerd/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "peerd/child_process.h"
#include "peerd/spawn_child.h"

namespace peerd {
namespace {

constexpr std::string_view kDefaultPath = "/usr/bin:/bin";
constexpr const char* kShell = "/bin/sh";

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

SpawnPlan prepare(const SpawnRequest& request) {
  assert(!request.arguments.empty());
  SpawnPlan plan;
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
  plan.within = request.within;
  if (plan.within != nullptr) plan.stacks = std::make_unique<std::byte[]>(2 * kChildStackBytes);
  return plan;
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

Spawned not_found(const SpawnRequest& request, const SpawnPlan& plan) {
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
Spawned exec_failure(const SpawnRequest& request, const SpawnPlan& plan,
                     const SpawnReport& report) {
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

Spawned explain(const SpawnRequest& request, const SpawnPlan& plan, const SpawnReport& report) {
  switch (report.step) {
    case SpawnStep::contain:
      return failure("own namespaces", report.error);
    case SpawnStep::session:
      return failure("own session", report.error);
    case SpawnStep::cgroup:
      return failure("joining the cgroup", report.error);
    case SpawnStep::cpu_limit:
      return failure("CPU limit", report.error);
    case SpawnStep::memory_limit:
      return failure("memory limit", report.error);
    case SpawnStep::core_limit:
      return failure("core file limit", report.error);
    case SpawnStep::nice:
      return failure("nice value", report.error);
    case SpawnStep::user:
      return failure("becoming the task's user", report.error);
    case SpawnStep::directory:
      return failure("working directory " + request.directory, report.error);
    case SpawnStep::streams:
      return failure("standard streams", report.error);
    case SpawnStep::exec:
      return exec_failure(request, plan, report);
    case SpawnStep::none:
      break;
  }
  assert(false);
  return {};
}

}  // namespace

Spawned spawn(const SpawnRequest& request) {
  SpawnPlan plan = prepare(request);
  SpawnReport report;
  const pid_t pid = start_child(plan, report);
  if (pid < 0) return failure("starting a process", errno);
  const bool started = report.step == SpawnStep::none;
  if (!started || request.within != nullptr) reap(pid);
  return started ? Spawned{pid, {}, {}} : explain(request, plan, report);
}

}  // namespace peerd
