// What happened to each task, in words, for `peerctl explain`: collected where it happens, brought
// to the home node with the task's results.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/types.h"

namespace peerd {

class Explanations {
 public:
  static constexpr std::size_t kMaxBytesPerTask = 64 << 10;  // beyond it lines are counted only

  void add(core::TaskId task, const std::string& line);
  std::vector<std::string> lines(core::TaskId task) const;
  bool knows(core::TaskId task) const { return stories_.contains(task); }
  // The lines since the last call: what the home node has not been told yet.
  std::vector<std::string> take_untold(core::TaskId task);
  void forget(core::TaskId task) { stories_.erase(task); }

 private:
  struct Story {
    std::string text;  // lines, each ended by '\n'
    std::size_t told = 0;
    std::size_t left_out = 0;
  };

  std::map<core::TaskId, Story> stories_;
};

}  // namespace peerd
