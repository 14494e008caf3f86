#include "peerd/checkpoint/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "peerd/checkpoint/task_paths.h"
#include "peerd/unique_fd.h"

namespace peerd {
namespace {

std::string failure(const std::string& what) {
  return what + ": " + std::system_category().message(errno);
}

std::string in_task_root(const char* path) {
  return std::string(kTaskRoot) + path;
}

bool make_mount_point(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    if (::mkdir(path.substr(0, slash).c_str(), 0755) != 0 && errno != EEXIST) return false;
    if (slash == std::string::npos) return true;
  }
}

}  // namespace

std::string enter_new_surroundings(const std::string& stay) {
  for (const char* path : {kTaskRoot, kTaskDirectory}) {
    if (!make_mount_point(path)) return failure(path);
  }
  if (::unshare(CLONE_NEWNS) != 0) return failure("a mount namespace");
  if (::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) != 0)
    return failure("taking part in mounts no more");
  if (::mount("/", kTaskRoot, nullptr, MS_BIND | MS_REC, nullptr) != 0) return failure(kTaskRoot);
  if (::mount(stay.c_str(), in_task_root(kTaskDirectory).c_str(), nullptr, MS_BIND, nullptr) != 0)
    return failure("binding " + stay);
  return {};
}

std::string enter_surroundings_of(pid_t init) {
  const std::string path = "/proc/" + std::to_string(init) + "/ns/mnt";
  const UniqueFd space(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!space || ::setns(space.get(), CLONE_NEWNS) != 0) return failure("the task's " + path);
  return {};
}

std::string mount_own_proc() {
  const std::string path = in_task_root("/proc");
  if (::mount("proc", path.c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    return failure(path);
  return {};
}

std::string mount_proc_of(pid_t init) {
  const std::string path = "/proc/" + std::to_string(init) + "/ns/pid";
  const UniqueFd space(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  // Takes effect for children.
  if (!space || ::setns(space.get(), CLONE_NEWPID) != 0) return failure("the task's " + path);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(mount_own_proc().empty() ? 0 : errno);
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (child > 0 && status == 0) return {};
  if (child > 0) errno = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
  return failure(in_task_root("/proc"));
}

void offer_kernel_facts(const std::string& file) {
  if (file.empty()) return;
  constexpr const char* kWhereCriuLooks = "/run/criu.kdat";
  const UniqueFd place(::open(kWhereCriuLooks, O_CREAT | O_CLOEXEC | O_WRONLY, 0600));
  ::mount(file.c_str(), kWhereCriuLooks, nullptr, MS_BIND, nullptr);
}

}  // namespace peerd
