// The executor's watch over leases: says when one has run out, by CLOCK_BOOTTIME, which goes on
// while the board sleeps. What peerd does meanwhile, or that it does nothing, does not matter.
#pragma once

#include <uv.h>

#include <functional>
#include <map>
#include <utility>

#include "core/types.h"

namespace peerd {

class LeaseGuard {
 public:
  using Key = std::pair<core::TaskId, core::Epoch>;
  using OnChange = std::function<void(const Key&, bool may_run)>;

  // `on_change`: a stay may not run any more, or again; also from inside set().
  LeaseGuard(uv_loop_t* loop, OnChange on_change);
  ~LeaseGuard();
  LeaseGuard(const LeaseGuard&) = delete;
  LeaseGuard& operator=(const LeaseGuard&) = delete;

  // By monotonic_now(). kNever: there is no lease.
  void set(const Key& stay, core::Time until);
  void forget(const Key& stay);
  core::Time until(const Key& stay) const;
  bool may_run(const Key& stay) const;

 private:
  struct Clock;
  struct Lease {
    core::Time until = 0;
    bool out = false;
  };

  void look();
  void arm();

  OnChange on_change_;
  std::map<Key, Lease> leases_;
  Clock* clock_;
};

}  // namespace peerd
