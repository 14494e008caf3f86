// How hard to compress what goes over a link: as hard as leaves the link busy, and not at all where
// bytes leave as fast as they can be copied.
#pragma once

#include <cstdint>
#include <optional>

namespace peerd {

enum class Effort : std::uint8_t { none, fastest, fast, moderate, thorough };

// zstd's; nothing: as they are.
std::optional<int> zstd_level(Effort effort);

// What has been done with one effort.
struct Stint {
  std::uint64_t plain_bytes = 0;
  std::uint64_t packed_bytes = 0;
  std::uint64_t working_ns = 0;  // reading and compressing
  std::uint64_t blocked_ns = 0;  // until whoever sends them had taken them
};

// The effort for what comes next. One step at a time.
Effort next_effort(Effort effort, const Stint& stint);

using EffortChoice = Effort (*)(Effort, const Stint&);

}  // namespace peerd
