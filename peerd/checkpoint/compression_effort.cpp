#include "peerd/checkpoint/compression_effort.h"

#include <algorithm>

namespace peerd {
namespace {

// No faster does zstd's level 1 compress on most boards: a link that takes that much is not what
// keeps bytes waiting.
constexpr std::uint64_t kFastLinkBytesPerMs = 250'000;
constexpr std::uint64_t kSlowLinkBytesPerMs = 125'000;  // a gigabit per second
constexpr std::uint64_t kMillisecond_ns = 1'000'000;
// A step up costs about three times the time.
constexpr std::uint64_t kCostOfStep = 3;
constexpr std::uint64_t kIdleLink = 8;  // blocked less than this part of the time
constexpr std::uint64_t kShrinks = 16;  // by more than this part
constexpr std::uint32_t kPatience = 32;

// In bytes per millisecond, as far as can be told.
std::uint64_t link_speed(const Stint& stint) {
  return stint.packed_bytes * kMillisecond_ns / (stint.working_ns + stint.blocked_ns + 1);
}

bool shrinks(const Stint& stint) {
  return stint.packed_bytes < stint.plain_bytes - stint.plain_bytes / kShrinks;
}

Effort step(Effort effort, int by) {
  return static_cast<Effort>(static_cast<int>(effort) + by);
}

}  // namespace

std::optional<int> zstd_level(Effort effort) {
  switch (effort) {
    case Effort::none:
      return std::nullopt;
    case Effort::fastest:
      return -5;
    case Effort::fast:
      return 1;
    case Effort::moderate:
      return 3;
    case Effort::thorough:
      return 6;
  }
  return std::nullopt;
}

Effort next_effort(Effort effort, const Stint& stint) {
  const std::uint64_t speed = link_speed(stint);
  if (effort == Effort::none) return speed < kSlowLinkBytesPerMs ? Effort::fastest : effort;
  const bool idle_link = stint.blocked_ns * kIdleLink < stint.working_ns + stint.blocked_ns;
  if (idle_link || speed > kFastLinkBytesPerMs || !shrinks(stint)) return step(effort, -1);
  const bool has_time = stint.blocked_ns >= kCostOfStep * stint.working_ns;
  return has_time && effort != Effort::thorough ? step(effort, 1) : effort;
}

Effort PatientChoice::operator()(Effort effort, const Stint& stint) {
  if (effort == Effort::none) {
    if (waiting_ == 0) return next_effort(effort, stint);
    --waiting_;
    return effort;
  }
  const Effort next = next_effort(effort, stint);
  if (shrinks(stint)) {
    patience_ = 1;
  } else if (next == Effort::none) {
    waiting_ = patience_;
    patience_ = std::min(2 * patience_, kPatience);
  }
  return next;
}

}  // namespace peerd
