// Keeps what moving tasks send within a rate, for the sake of all else on the same network.
#pragma once

#include <cstdint>

#include "core/types.h"

namespace peerd {

class Pacer {
 public:
  // 0: no limit.
  void set_rate(std::uint32_t mbit_per_s) { mbit_per_s_ = mbit_per_s; }

  // Bytes are on their way. How long to wait before the next: 0 while they are within the rate.
  core::Duration sent(std::uint64_t bytes, core::Time now);

 private:
  std::uint32_t mbit_per_s_ = 0;
  core::Time free_at_ = 0;  // when what was sent so far would have been sent at that rate
};

}  // namespace peerd
