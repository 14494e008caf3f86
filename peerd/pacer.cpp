#include "peerd/pacer.h"

#include <algorithm>

namespace peerd {
namespace {

// Shorter pauses cost more than they smooth.
constexpr core::Duration kShortestPause = 2 * core::kMillisecond;

}  // namespace

core::Duration Pacer::sent(std::uint64_t bytes, core::Time now) {
  if (mbit_per_s_ == 0) return 0;
  // A megabit a second is a bit a microsecond.
  free_at_ = std::max(free_at_, now) + static_cast<core::Duration>(bytes * 8 / mbit_per_s_);
  const core::Duration ahead = free_at_ - now;
  return ahead < kShortestPause ? 0 : ahead;
}

}  // namespace peerd
