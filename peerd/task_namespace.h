// Where one contained task at a time runs: a PID namespace with its init (init.cpp) and a mount
// namespace where /proc shows it.
//
// To make them takes longer than to start a short command, so one that nobody is left in is used
// again, by tasks that can change nothing about it: not root's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "peerd/cgroup.h"
#include "peerd/command_end.h"
#include "peerd/unique_fd.h"

namespace peerd {

class TaskNamespace {
 public:
  ~TaskNamespace();  // as end()

  pid_t init() const { return init_; }  // a child of this process; -1 after end()
  // How the command ended, once, when it has and nobody else is left; nothing before, or if init
  // was killed. The socket is readable then.
  std::optional<CommandEnd> report() const;
  // Kills everybody in it, and waits for that, which is at once but where the kernel cannot. If
  // the command had not ended, what is returned is init's own end, without a time.
  CommandEnd end();

  int socket_fd() const { return socket_.get(); }
  int pids_fd() const { return pids_.get(); }
  int mounts_fd() const { return mounts_.get(); }
  int root_fd() const { return root_.get(); }
  int outer_pids_fd() const { return outer_pids_fd_; }

 private:
  friend class TaskNamespaces;
  TaskNamespace() = default;
  bool open_of_init();

  pid_t init_ = -1;
  UniqueFd socket_, pids_, mounts_, root_;
  int outer_pids_fd_ = -1;
  std::unique_ptr<CgroupLeaf> leaf_{};  // init's, where a cgroup is delegated
  std::uint64_t made_ms_ = 0;
};

// Those of one executor.
class TaskNamespaces {
 public:
  // Needs root; null, and why, where that may not make any either, as in some containers.
  // `cgroups` may be null.
  static std::unique_ptr<TaskNamespaces> open(CgroupTree* cgroups, std::string& reason);
  ~TaskNamespaces();

  // One that nobody is in. Null with an error text.
  std::unique_ptr<TaskNamespace> acquire(std::uint64_t now_ms, std::string& error);
  // To be used again: of which report() has come, and which the task could not change.
  void release(std::unique_ptr<TaskNamespace> space);
  void discard(std::unique_ptr<TaskNamespace> space);
  // Those that are free and whose init was killed. To be called when children have ended.
  void discard_ended();
  // Those that are free and too old: mounts that the board has got since they may lack. Returns
  // when the next one will be, if any is left.
  std::optional<std::uint64_t> discard_old(std::uint64_t now_ms);

 private:
  TaskNamespaces() = default;
  std::unique_ptr<TaskNamespace> create(std::uint64_t now_ms, std::string& error);

  UniqueFd init_program_, own_pids_;
  CgroupTree* cgroups_ = nullptr;
  std::vector<std::unique_ptr<TaskNamespace>> free_;
};

}  // namespace peerd
