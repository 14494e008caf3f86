// Empty directories that ended tasks have left, for tasks to come: moving one costs a file system
// less than making one, much less where many have just been removed.
//
// A directory rests before it is used again: whatever else its task left running is killed by then.
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

  // `root`: an empty directory of its own, on the file system of those that come and go.
  explicit SpareDirectories(std::string root) : root_(std::move(root)) {}
  ~SpareDirectories();  // removes them
  SpareDirectories(const SpareDirectories&) = delete;
  SpareDirectories& operator=(const SpareDirectories&) = delete;

  // Makes the path a directory, unless it is one already. False, and errno, where it cannot.
  bool take(const std::string& path, std::uint64_t now_ms);
  // Takes the directory away if it is empty, or away already. False if it is not: nothing was done.
  bool give(const std::string& path, std::uint64_t now_ms);

 private:
  struct Spare {
    std::string path;
    std::uint64_t since_ms = 0;
  };

  std::string root_;
  std::deque<Spare> spares_;
  std::uint64_t next_name_ = 0;
};

}  // namespace peerd
