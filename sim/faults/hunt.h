// Trials by the thousand: many seeds, in several processes at once, until one fails.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "core/sabotage.h"

namespace sim::faults {

struct HuntOptions {
  std::uint64_t first = 1, last = 1;  // seeds
  std::uint32_t jobs = 1;
  core::Sabotage sabotage = core::Sabotage::none;
  std::optional<std::chrono::steady_clock::time_point> deadline{};
  std::function<void(std::uint64_t done)> on_progress{};
};

struct HuntResult {
  std::uint64_t done = 0;                  // seeds that kept all promises
  std::uint64_t events = 0;                // core steps in them
  std::optional<std::uint64_t> failing{};  // the first seed found that does not
  bool broken_off = false;                 // a worker could not be started, or was killed
};

HuntResult hunt(const HuntOptions& options);

}  // namespace sim::faults
