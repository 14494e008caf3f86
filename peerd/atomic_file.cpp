#include "peerd/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "peerd/unique_fd.h"

namespace peerd {
namespace {

std::string failure(const std::string& path) {
  return "cannot write " + path + ": " + std::strerror(errno);
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool write_synced(const std::string& path, const std::string& text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  return file && write_all(file.get(), text) && ::fsync(file.get()) == 0;
}

bool sync_directory(const std::string& path) {
  const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory && ::fsync(directory.get()) == 0;
}

}  // namespace

std::optional<std::string> replace_file(const std::string& directory, const std::string& name,
                                        const std::string& text) {
  const std::string path = directory + "/" + name;
  const std::string fresh = path + ".new";
  if (!write_synced(fresh, text) || ::rename(fresh.c_str(), path.c_str()) != 0) {
    const std::string what = failure(path);
    ::unlink(fresh.c_str());
    return what;
  }
  if (!sync_directory(directory)) return failure(path);
  return std::nullopt;
}

}  // namespace peerd
