#include "peerd/spare_directories.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

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
  if (!spares_.empty() && now_ms - spares_.front().since_ms >= kRest_ms) {
    const bool moved = ::rename(spares_.front().path.c_str(), path.c_str()) == 0;
    if (moved || errno == ENOENT) spares_.pop_front();
    if (moved) return true;
  }
  return make_directories(path);
}

bool SpareDirectories::give(const std::string& path, std::uint64_t now_ms) {
  if (spares_.size() < kMost && is_like_new(path)) {
    Spare spare{root_ + "/" + std::to_string(next_name_++), now_ms};
    if (::rename(path.c_str(), spare.path.c_str()) == 0) {
      spares_.push_back(std::move(spare));
      return true;
    }
  }
  return ::rmdir(path.c_str()) == 0 || errno == ENOENT;
}

}  // namespace peerd
