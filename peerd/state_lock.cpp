#include "peerd/state_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <utility>

namespace peerd {
namespace {

bool is_directory(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

// Like mkdir -p; sets errno.
bool create_directories(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0700) != 0 && !is_directory(part)) {
      if (errno == EEXIST) errno = ENOTDIR;
      return false;
    }
    if (end == path.npos) return true;
  }
}

// The number that the daemon at work has left in its lock file.
std::string read_pid(int file) {
  char text[32] = {};
  const ssize_t length = ::pread(file, text, sizeof text - 1, 0);
  std::string pid;
  for (ssize_t i = 0; i < length; ++i) {
    if (std::isdigit(static_cast<unsigned char>(text[i])) == 0) break;
    pid += text[i];
  }
  return pid.empty() ? "unknown" : pid;
}

bool write_pid(int file) {
  const std::string text = std::to_string(::getpid()) + "\n";
  return ::ftruncate(file, 0) == 0 &&
         ::pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

StartError cannot_create(const std::string& path) {
  return {StartError::kCannotCreate, "cannot create " + path + ": " + std::strerror(errno) +
                                         "; set node.state_directory to a place that can be "
                                         "written"};
}

}  // namespace

std::variant<StateLock, StartError> StateLock::take(const std::string& state_directory) {
  if (!create_directories(state_directory)) return cannot_create(state_directory);
  const std::string path = state_directory + "/lock";
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return cannot_create(path);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return StartError{StartError::kCannotCreate,
                        "cannot lock " + path + ": " + std::strerror(errno)};
    }
    return StartError{StartError::kInUse, state_directory + " is in use by peerd (pid " +
                                              read_pid(file.get()) +
                                              "); stop it, or set another node.state_directory"};
  }
  if (!write_pid(file.get())) {
    return StartError{StartError::kCannotCreate,
                      "cannot write " + path + ": " + std::strerror(errno)};
  }
  return StateLock(std::move(file));
}

}  // namespace peerd
