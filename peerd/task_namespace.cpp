#include "peerd/task_namespace.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "peerd/child_process.h"
#include "peerd/embedded_file.h"
#include "peerd/init_program.h"
#include "peerd/proc_files.h"
#include "peerd/spawn_child.h"

namespace peerd {
namespace {

constexpr std::uint64_t kMaxAge_ms = 1000;

std::string failure(const std::string& what, int error) {
  return what + ": " + std::system_category().message(error);
}

UniqueFd open_of(pid_t pid, const char* name, int flags) {
  return UniqueFd(::open(proc_path(pid, name).c_str(), flags | O_CLOEXEC));
}

// Its number, or -1 with errno set.
pid_t start_init_with(int program_fd, int socket) {
  SpawnReport report;
  const pid_t init = start_init(program_fd, socket, report);
  if (report.step == SpawnStep::none) return init;
  reap(init);
  errno = report.error;
  return -1;
}

// 0 or errno.
int try_to_enter(const TaskNamespace& space) {
  SpawnReport report;
  const pid_t child = start_trial(space, report);
  if (child < 0) return errno;
  reap(child);
  return report.error;
}

}  // namespace

TaskNamespace::~TaskNamespace() {
  if (init_ >= 0) end();
}

std::optional<CommandEnd> TaskNamespace::report() const {
  CommandEnd report{};
  if (::read(socket_.get(), &report, sizeof report) != sizeof report) return std::nullopt;
  return report;
}

CommandEnd TaskNamespace::end() {
  ::kill(init_, SIGKILL);
  const int inits = reap(std::exchange(init_, -1)).wait_status;
  return report().value_or(CommandEnd{0, inits});
}

bool TaskNamespace::open_of_init() {
  pids_ = open_of(init_, "ns/pid", O_RDONLY);
  mounts_ = open_of(init_, "ns/mnt", O_RDONLY);
  root_ = open_of(init_, "root", O_PATH | O_DIRECTORY);
  return pids_ && mounts_ && root_;
}

std::unique_ptr<TaskNamespaces> TaskNamespaces::open(CgroupTree* cgroups, std::string& reason) {
  // By this a namespace's processes are found.
  if (::access("/proc/thread-self/children", R_OK) != 0) {
    reason = failure("/proc/thread-self/children", errno);
    return nullptr;
  }
  std::unique_ptr<TaskNamespaces> spaces(new TaskNamespaces);
  spaces->cgroups_ = cgroups;
  spaces->init_program_ = in_memory("peerd-init", init_program());
  spaces->own_pids_ = open_of(::getpid(), "ns/pid", O_RDONLY);
  if (!spaces->init_program_ || !spaces->own_pids_) {
    reason = failure("init", errno);
    return nullptr;
  }
  std::unique_ptr<TaskNamespace> trial = spaces->create(0, reason);
  if (trial == nullptr) return nullptr;
  const int error = try_to_enter(*trial);
  spaces->discard(std::move(trial));
  if (error == 0) return spaces;
  reason = failure("entering namespaces", error);
  return nullptr;
}

TaskNamespaces::~TaskNamespaces() {
  for (auto& space : free_) discard(std::move(space));
}

std::unique_ptr<TaskNamespace> TaskNamespaces::create(std::uint64_t now_ms, std::string& error) {
  std::unique_ptr<TaskNamespace> space(new TaskNamespace);
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    error = failure("starting a process", errno);
    return nullptr;
  }
  space->socket_ = UniqueFd(ends[0]);
  const UniqueFd inits(ends[1]);
  space->init_ = start_init_with(init_program_.get(), inits.get());
  if (space->init_ < 0 || !space->open_of_init()) {
    error = failure("PID namespaces", errno);
    return nullptr;
  }
  if (cgroups_ != nullptr) {
    // Who stays in this process's cgroup keeps the next executor from having it.
    space->leaf_ = cgroups_->acquire(0, error);
    if (space->leaf_ == nullptr) return nullptr;
    const std::string number = std::to_string(space->init_);
    if (::write(space->leaf_->procs_fd(), number.data(), number.size()) < 0) {
      error = failure("init's cgroup", errno);
      discard(std::move(space));
      return nullptr;
    }
  }
  space->outer_pids_fd_ = own_pids_.get();
  space->made_ms_ = now_ms;
  return space;
}

std::unique_ptr<TaskNamespace> TaskNamespaces::acquire(std::uint64_t now_ms, std::string& error) {
  discard_ended();
  discard_old(now_ms);
  if (!free_.empty()) {
    std::unique_ptr<TaskNamespace> space = std::move(free_.back());
    free_.pop_back();
    return space;
  }
  return create(now_ms, error);
}

void TaskNamespaces::release(std::unique_ptr<TaskNamespace> space) {
  free_.push_back(std::move(space));
}

void TaskNamespaces::discard(std::unique_ptr<TaskNamespace> space) {
  std::unique_ptr<CgroupLeaf> leaf = std::move(space->leaf_);
  space.reset();
  if (leaf != nullptr) cgroups_->release(std::move(leaf));
}

void TaskNamespaces::discard_ended() {
  for (auto& space : free_)
    if (has_ended(space->init())) discard(std::move(space));
  std::erase(free_, nullptr);
}

std::optional<std::uint64_t> TaskNamespaces::discard_old(std::uint64_t now_ms) {
  std::optional<std::uint64_t> next_ms;
  for (auto& space : free_) {
    const std::uint64_t end_ms = space->made_ms_ + kMaxAge_ms;
    if (end_ms <= now_ms)
      discard(std::move(space));
    else
      next_ms = std::min(next_ms.value_or(end_ms), end_ms);
  }
  std::erase(free_, nullptr);
  return next_ms;
}

}  // namespace peerd
