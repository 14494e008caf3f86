// How hard to compress what goes over a link: as hard as leaves the link busy, and not at all where
// bytes leave as fast as they can be copied.
#pragma once

#include <cstdint>
#include <functional>
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

using EffortChoice = std::function<Effort(Effort, const Stint&)>;

// next_effort(), but what has not shrunk is left as it is for longer each time, up to 32 stints
// more.
class PatientChoice {
 public:
  Effort operator()(Effort effort, const Stint& stint);

 private:
  std::uint32_t patience_ = 1;  // when it does not shrink the next time
  std::uint32_t waiting_ = 0;
};

}  // namespace peerd
