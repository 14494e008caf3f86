#include "peerd/spare_directories.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "peerd/task_files.h"

namespace peerd {
namespace {

// As make_directories() leaves it: nothing in it, the owner's alone.
bool is_like_new(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return false;
  if (status.st_mode != (S_IFDIR | 0700) || status.st_uid != ::geteuid()) return false;
  std::error_code error;
  return std::filesystem::is_empty(path, error) && !error;
}

}  // namespace

SpareDirectories::~SpareDirectories() {
  for (const Spare& spare : spares_) ::rmdir(spare.path.c_str());
}

bool SpareDirectories::take(const std::string& path, std::uint64_t now_ms) {
  while (!spares_.empty() && now_ms - spares_.front().since_ms >= kRest_ms) {
    const bool moved = ::rename(spares_.front().path.c_str(), path.c_str()) == 0;
    if (!moved && errno != ENOENT) break;  // the path is in use
    spares_.pop_front();
    if (moved) return true;
  }
  return make_directories(path);
}

bool SpareDirectories::give(const std::string& path, std::uint64_t now_ms) {
  if (spares_.size() < kMost && is_like_new(path)) {
    spares_.push_back({path, now_ms});
    return true;
  }
  return remove_if_empty(path);
}

}  // namespace peerd
