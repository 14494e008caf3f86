// Control groups, version 2, where the system has delegated one to this process: each task in a
// leaf of its own, which limits its memory as a whole and from which no process escapes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/unique_fd.h"

namespace peerd {

// Where a process's version 2 cgroup is in the file system; `directory` is empty where there is
// none, and `reason` says why.
struct CgroupPlace {
  std::string directory;
  std::string reason;
};

// From the texts of /proc/self/mountinfo and /proc/self/cgroup.
CgroupPlace find_cgroup(std::string_view mountinfo, std::string_view membership);

// A cgroup without children, for one task at a time.
class CgroupLeaf {
 public:
  // Made if it is not there. Null with an error text where that fails.
  static std::unique_ptr<CgroupLeaf> create(const std::string& directory, std::string& error);
  ~CgroupLeaf();  // removes it if nobody is left in it

  // 0 = none. Counts out-of-memory kills anew.
  bool set_memory_limit(std::uint64_t bytes, std::string& error);
  int procs_fd() const { return procs_.get(); }  // write "0" to it to join
  // What is to be told if a process was killed for it since the limit was set; else nothing.
  std::string out_of_memory() const;
  const std::string& directory() const { return directory_; }
  void kill();  // SIGKILL to everyone in it

 private:
  explicit CgroupLeaf(std::string directory) : directory_(std::move(directory)) {}
  std::uint64_t out_of_memory_kills() const;

  std::string directory_;
  UniqueFd procs_;
  UniqueFd kill_;  // cgroup.kill, Linux 5.14
  std::uint64_t memory_limit_bytes_ = 0;
  std::uint64_t earlier_kills_ = 0;
};

// The delegated cgroup: the daemon in its leaf "peerd", tasks in "task-1", "task-2", ..., which are
// used again when their task has ended. Inner cgroups may not have processes of their own, hence
// the daemon's move.
class CgroupTree {
 public:
  // Takes `directory` over if this process and its parent (the daemon, of an executor) are alone in
  // it and may; else null and why not.
  static std::unique_ptr<CgroupTree> open(const std::string& directory, std::string& reason);
  static std::unique_ptr<CgroupTree> open_own(std::string& reason);  // this process's cgroup
  ~CgroupTree();  // removes the leaves, and moves this process back

  std::unique_ptr<CgroupLeaf> acquire(std::uint64_t memory_limit_bytes, std::string& error);
  void release(std::unique_ptr<CgroupLeaf> leaf);
  const std::string& directory() const { return directory_; }

 private:
  explicit CgroupTree(std::string directory) : directory_(std::move(directory)) {}
  void remove_stale_leaves() const;

  std::string directory_;
  std::vector<std::unique_ptr<CgroupLeaf>> free_;
  std::uint64_t leaves_ = 0;
};

}  // namespace peerd
