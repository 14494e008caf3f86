#include "peerd/task_files.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
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

bool share_blocks(int from, int to) {
  return ::ioctl(to, FICLONE, from) == 0;
}

std::optional<CopyError> copy_bytes(int from, int to, const std::string& what,
                                    const std::string& to_path) {
  if (share_blocks(from, to)) return std::nullopt;
  while (true) {
    const ssize_t copied = ::copy_file_range(from, nullptr, to, nullptr, 1 << 20, 0);
    if (copied == 0) return std::nullopt;
    if (copied > 0) continue;
    if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
      return CopyError{failure(to_path, errno), CopyError::Kind::unwritable};
    break;
  }
  std::vector<char> buffer(256 << 10);
  while (true) {
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return CopyError{failure(what, errno)};
    if (got == 0) return std::nullopt;
    for (ssize_t done = 0; done < got;) {
      const ssize_t put = ::write(to, buffer.data() + done, static_cast<std::size_t>(got - done));
      if (put < 0 && errno != EINTR)
        return CopyError{failure(to_path, errno), CopyError::Kind::unwritable};
      if (put > 0) done += put;
    }
  }
}

// Copies a regular file. Its size, or why not.
std::variant<std::uint64_t, CopyError> copy_file(const std::string& from, const std::string& to,
                                                 const std::string& what) {
  const UniqueFd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!source || ::fstat(source.get(), &status) != 0) return CopyError{failure(what, errno)};
  if (!S_ISREG(status.st_mode)) return CopyError{what + ": not a regular file"};
  const mode_t mode = (status.st_mode & 0777) | 0600;
  const UniqueFd target(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!target) return CopyError{failure(to, errno), CopyError::Kind::unwritable};
  if (auto error = copy_bytes(source.get(), target.get(), what, to)) return *error;
  // Whoever is told that it is there relies on it, whatever becomes of the power.
  if (::fdatasync(target.get()) != 0)
    return CopyError{failure(to, errno), CopyError::Kind::unwritable};
  return static_cast<std::uint64_t>(status.st_size);
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

std::string beyond_task_bytes(const std::string& what, std::uint64_t limit) {
  return what + " of more than " + std::to_string(limit) +
         " bytes: larger than [limits] task_bytes allows";
}

std::string beyond_output_bytes(std::uint64_t limit) {
  return "more output than [limits] output_bytes allows: " + std::to_string(limit) + " bytes";
}

std::variant<std::uint64_t, CopyError> copy_inputs(const net::TaskSpec& spec,
                                                   const std::string& directory,
                                                   const std::string& stdin_path,
                                                   std::uint64_t max_bytes) {
  if (!make_directories(directory))
    return CopyError{failure(directory, errno), CopyError::Kind::unwritable};
  std::vector<std::pair<net::FileSpec, std::string>> copies;
  if (!spec.stdin_path.empty()) copies.push_back({{"stdin", spec.stdin_path}, stdin_path});
  for (const net::FileSpec& input : spec.inputs)
    copies.push_back({input, directory + "/" + input.name});
  std::uint64_t total = 0;
  for (const auto& [file, target] : copies) {
    if (!make_directories(parent_of(target)))
      return CopyError{failure(target, errno), CopyError::Kind::unwritable};
    auto copied = copy_file(file.path, target, "input " + file.path);
    if (auto* error = std::get_if<CopyError>(&copied)) return std::move(*error);
    total += std::get<std::uint64_t>(copied);
    if (total > max_bytes)
      return CopyError{beyond_task_bytes("inputs", max_bytes), CopyError::Kind::too_large};
  }
  return total;
}

std::string sync_files(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || ::fdatasync(file.get()) != 0) return failure(path, errno);
  }
  return "";
}

std::string unfinished_name(const std::string& path) {
  return path + ".peerd-unfinished";
}

std::optional<std::string> place_output(const std::string& from, const std::string& to) {
  const std::string unfinished = unfinished_name(to);
  const auto copied = copy_file(from, unfinished, "output " + to);
  if (const auto* error = std::get_if<CopyError>(&copied)) {
    ::unlink(unfinished.c_str());
    return error->text;
  }
  if (::rename(unfinished.c_str(), to.c_str()) == 0) return std::nullopt;
  const int error = errno;
  ::unlink(unfinished.c_str());
  return failure("output " + to, error);
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

bool make_directories(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return true;
  std::error_code error;
  fs::create_directories(path, error);
  errno = error.value();
  return !error;
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::uint64_t size_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

std::string parent_of(const std::string& path) {
  return fs::path(path).parent_path().string();
}

}  // namespace peerd
