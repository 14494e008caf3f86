#include "peerd/checkpoint/remains.h"

#include <sys/stat.h>

#include <sstream>

#include "peerd/checkpoint/task_paths.h"
#include "peerd/proc_files.h"
#include "peerd/process_tree.h"
#include "peerd/session.h"

namespace peerd {
namespace {

bool is_same(const std::string& path, const struct stat& wanted) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && status.st_dev == wanted.st_dev &&
         status.st_ino == wanted.st_ino;
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

void kill_around(const std::string& stay) {
  struct stat wanted {};
  if (::stat(stay.c_str(), &wanted) != 0) return;
  for (const pid_t pid : all_processes()) {
    // The task is within its root; who prepares that is not yet.
    const std::string root = proc_path(pid, "root");
    if (is_same(root + kTaskDirectory, wanted) ||
        is_same(root + kTaskRoot + kTaskDirectory, wanted))
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
