// Reads what a task of this home has printed so far, from where it stopped the last time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/types.h"
#include "net/control_frame.h"
#include "peerd/unique_fd.h"

namespace peerd {

class OutputFollower {
 public:
  // `restarts`: how often the task had been begun anew when it printed that.
  OutputFollower(core::TaskId task, std::uint32_t restarts, bool follow,
                 const std::string& stdout_path, const std::string& stderr_path)
      : task_(task),
        restarts_(restarts),
        follow_(follow),
        streams_{{stdout_path, {}, 0}, {stderr_path, {}, 0}} {}

  core::TaskId task() const { return task_; }
  std::uint32_t restarts() const { return restarts_; }
  bool follows() const { return follow_; }
  // The next piece of stdout or stderr; nullopt if there is nothing new.
  std::optional<net::Output> next();

 private:
  struct Stream {
    std::string path;
    UniqueFd file;
    std::uint64_t offset = 0;
  };

  core::TaskId task_;
  std::uint32_t restarts_;
  bool follow_;
  Stream streams_[2];
};

}  // namespace peerd
