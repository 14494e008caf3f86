// How much memory a piece of code asks for.
#pragma once

#include <cstddef>

namespace test {

struct Allocations {
  std::size_t largest_bytes = 0;  // one request
  std::size_t live_bytes = 0;     // at the worst moment, beyond what was live before
};

// Counting starts at construction. One at a time, one thread.
class AllocationCount {
 public:
  AllocationCount();
  ~AllocationCount();
  AllocationCount(const AllocationCount&) = delete;
  AllocationCount& operator=(const AllocationCount&) = delete;
  Allocations so_far() const;
};

template <typename Work>
Allocations allocations_of(Work&& work) {
  const AllocationCount count;
  work();
  return count.so_far();
}

}  // namespace test
