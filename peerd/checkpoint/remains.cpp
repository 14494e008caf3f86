#include "peerd/checkpoint/remains.h"

#include <sys/stat.h>

#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "peerd/checkpoint/task_paths.h"
#include "peerd/proc_files.h"
#include "peerd/process_tree.h"
#include "peerd/session.h"

namespace peerd {
namespace {

using Identity = std::pair<dev_t, ino_t>;

std::optional<Identity> identity_of(const std::string& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) return std::nullopt;
  return Identity{status.st_dev, status.st_ino};
}

// Anybody may have such arguments, but not as root.
bool is_criu_in(const std::string& images, pid_t pid) {
  if (read_text(proc_path(pid, "cmdline")).find(images) == std::string::npos) return false;
  unsigned real = 0;
  unsigned effective = 1;
  std::istringstream(std::string(field_of(read_text(proc_path(pid, "status")), "Uid"))) >> real >>
      effective;
  return effective == 0;
}

}  // namespace

std::string images_of(pid_t operation) {
  return "images-" + std::to_string(operation) + "-";
}

pid_t criu_left_by(pid_t operation, const std::string& runtime) {
  const std::string directory = runtime + "/" + images_of(operation);
  for (const pid_t pid : all_processes()) {
    if (is_criu_in(directory, pid)) return pid;
  }
  return -1;
}

void kill_own_crius(const std::string& runtime) {
  for (const pid_t child : own_children()) {
    if (is_criu_in(runtime + "/images-", child)) kill_tree(child);
  }
}

void kill_around(const std::vector<std::string>& stays) {
  std::set<std::optional<Identity>> wanted;
  for (const std::string& stay : stays) wanted.insert(identity_of(stay));
  wanted.erase(std::nullopt);
  if (wanted.empty()) return;
  for (const pid_t pid : all_processes()) {
    // The task is within its root; who prepares that is not yet.
    const std::string root = proc_path(pid, "root");
    if (wanted.contains(identity_of(root + kTaskDirectory)) ||
        wanted.contains(identity_of(root + kTaskRoot + kTaskDirectory)))
      kill_tree(pid);
  }
}

bool dump_is_over(pid_t operation, const std::string& runtime, pid_t init, bool late) {
  const pid_t criu = criu_left_by(operation, runtime);
  if (criu < 0) return true;
  if (late || is_dying(init)) kill_tree(criu);
  return false;
}

}  // namespace peerd
