// Reaps those that come to a subreaper and that nobody waits for: CRIU and its helpers, say, when
// whoever had started them was killed.
//
// Everybody else in this process who waits for a child does so by the loop, as soon as that has
// ended. So one that is a zombie at two looks, a turn of the loop or more apart, is a stray.
#pragma once

#include <sys/types.h>
#include <uv.h>

#include <memory>
#include <vector>

#include "peerd/timer.h"

namespace peerd {

class StrayChildren {
 public:
  explicit StrayChildren(uv_loop_t* loop);

 private:
  struct Close {
    void operator()(uv_signal_t* signal) const;
  };

  void look();

  std::vector<pid_t> zombies_;  // at the last look
  Timer timer_;
  std::unique_ptr<uv_signal_t, Close> child_ended_;
};

}  // namespace peerd
