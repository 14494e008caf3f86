// Empty directories that ended tasks have left, for tasks to come. Moving one costs a file system
// less than making one, and where many have just been removed much less: ext4 avoids their inodes
// for a while, and searches long for others.
//
// A directory rests before it is used again: whatever else its task left running is killed by then.
// It keeps its old name until it gets its new one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

namespace peerd {

class SpareDirectories {
 public:
  static constexpr std::size_t kMost = 1024;
  static constexpr std::uint64_t kRest_ms = 300;

  SpareDirectories() = default;
  ~SpareDirectories();  // removes them
  SpareDirectories(const SpareDirectories&) = delete;
  SpareDirectories& operator=(const SpareDirectories&) = delete;

  // Makes the path a directory, unless it is one already. False, and errno, where it cannot.
  bool take(const std::string& path, std::uint64_t now_ms);
  // Keeps the directory, or removes it, if it is empty or away already. False if it is not: nothing
  // was done.
  bool give(const std::string& path, std::uint64_t now_ms);

  std::size_t size() const { return spares_.size(); }

 private:
  struct Spare {
    std::string path;
    std::uint64_t since_ms = 0;
  };

  std::deque<Spare> spares_;  // the oldest first
};

}  // namespace peerd
