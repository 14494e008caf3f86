#include "peerd/task_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "peerd/unique_fd.h"

namespace peerd {
namespace {

namespace fs = std::filesystem;

std::string failure(const std::string& what, int error) {
  return what + ": " + std::strerror(error);
}

std::string stay_name(core::TaskId task, core::Epoch epoch) {
  char name[64];
  std::snprintf(name, sizeof name, "%016llx.%llu.%u",
                static_cast<unsigned long long>(core::value(task.home)),
                static_cast<unsigned long long>(task.serial), epoch);
  return name;
}

// What one that was begun anew has printed before is not its output.
std::string output_name(core::TaskId task, core::Epoch epoch) {
  const std::uint32_t restarts = core::restarts_of(epoch);
  const std::string serial = std::to_string(task.serial);
  return restarts == 0 ? serial : serial + "." + std::to_string(restarts);
}

}  // namespace

TaskFiles::TaskFiles(std::string state_directory, core::PeerId self)
    : work_root_(state_directory + "/work"),
      output_root_(state_directory + "/output"),
      self_(self) {}

std::set<std::string> TaskFiles::names_kept(const core::Journal& journal) const {
  std::set<std::string> names;
  const auto keep_stay = [&](core::TaskId task, core::Epoch epoch) {
    const std::string name = stay_name(task, epoch);
    for (const char* suffix : {"", ".in", ".out", ".err", ".stay", ".stay.init"})
      names.insert(name + suffix);
  };
  for (const auto& [task, owned] : journal.owned) keep_stay(task, owned.epoch);
  for (const auto& [task, copy] : journal.prepared) keep_stay(task, copy.epoch);
  for (const auto& [task, entry] : journal.home) {
    for (const char* suffix : {".out", ".err"})
      names.insert(output_name(task, entry.epoch) + suffix);
    if (entry.keeps_beginning()) keep_stay(task, 0);
  }
  return names;
}

std::optional<std::string> TaskFiles::prepare(const core::Journal& journal,
                                              std::size_t& cleared) const {
  cleared = 0;
  const std::set<std::string> kept = names_kept(journal);
  // A task's user must get to its own directory, and see nothing on the way.
  const std::string state_directory = parent_of(work_root_);
  if (::geteuid() == 0 && ::chmod(state_directory.c_str(), 0711) != 0)
    return failure(state_directory, errno);
  for (const std::string& root : {work_root_, output_root_}) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root, error)) {
      if (kept.contains(entry.path().filename())) continue;
      std::error_code ignored;
      fs::remove_all(entry.path(), ignored);
      ++cleared;
    }
    if (::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST) return failure(root, errno);
  }
  if (::geteuid() == 0 && ::chmod(work_root_.c_str(), 0711) != 0) return failure(work_root_, errno);
  return std::nullopt;
}

std::string TaskFiles::directory(core::TaskId task, core::Epoch epoch) const {
  return work_root_ + "/" + stay_name(task, epoch);
}

std::string TaskFiles::stay_directory(core::TaskId task, core::Epoch epoch) const {
  return directory(task, epoch) + ".stay";
}

std::string TaskFiles::image_path(core::TaskId task, core::Epoch epoch) const {
  return directory(task, epoch) + ".image";
}

std::string TaskFiles::stdin_path(core::TaskId task, core::Epoch epoch) const {
  return directory(task, epoch) + ".in";
}

std::string TaskFiles::output_path(core::TaskId task, core::Epoch epoch, int stream) const {
  const char* suffix = stream == 1 ? ".out" : ".err";
  if (task.home == self_) return output_root_ + "/" + output_name(task, epoch) + suffix;
  return directory(task, epoch) + suffix;
}

std::string TaskFiles::arriving_path(core::TaskId task, std::size_t output) const {
  return output_root_ + "/" + std::to_string(task.serial) + ".file." + std::to_string(output);
}

std::string beyond_output_bytes(std::uint64_t limit) {
  return "more output than [limits] output_bytes allows: " + std::to_string(limit) + " bytes";
}

std::vector<CopiedFile> input_copies(const net::TaskSpec& spec, const std::string& directory,
                                     const std::string& stdin_path) {
  std::vector<CopiedFile> copies;
  if (!spec.stdin_path.empty()) copies.push_back({spec.stdin_path, stdin_path});
  for (const net::FileSpec& input : spec.inputs)
    copies.push_back({input.path, directory + "/" + input.name});
  return copies;
}

std::string sync_files(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || ::fdatasync(file.get()) != 0) return failure(path, errno);
  }
  return "";
}

bool remove_if_empty(const std::string& directory) {
  return ::rmdir(directory.c_str()) == 0 || errno == ENOENT;
}

void remove_stay(const std::string& directory) {
  if (!remove_if_empty(directory)) {
    std::error_code ignored;
    fs::remove_all(directory, ignored);
  }
  std::error_code ignored;
  fs::remove_all(directory + ".stay", ignored);
  for (const char* suffix : {".in", ".out", ".err"}) ::unlink((directory + suffix).c_str());
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::uint64_t size_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

}  // namespace peerd
