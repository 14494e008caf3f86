// What is going to happen, by time and, at the same time, in the order of being scheduled. The
// events themselves lie in recycled slots: the heap moves small entries only.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/types.h"

namespace sim {

template <typename T>
class EventQueue {
 public:
  bool empty() const { return heap_.empty(); }
  // Requires !empty().
  core::Time next_time() const { return heap_.front().at; }

  void push(core::Time at, T event) {
    heap_.push_back({at, next_sequence_++, store(std::move(event))});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  // Requires !empty().
  T pop() {
    assert(!heap_.empty());
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const std::uint32_t slot = heap_.back().slot;
    heap_.pop_back();
    free_.push_back(slot);
    return std::move(slots_[slot]);
  }

 private:
  struct Entry {
    core::Time at;
    std::uint64_t sequence;
    std::uint32_t slot;
  };

  static bool later(const Entry& a, const Entry& b) {
    return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
  }

  std::uint32_t store(T event) {
    if (free_.empty()) {
      slots_.push_back(std::move(event));
      return static_cast<std::uint32_t>(slots_.size() - 1);
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    slots_[slot] = std::move(event);
    return slot;
  }

  std::vector<Entry> heap_;
  std::vector<T> slots_;
  std::vector<std::uint32_t> free_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace sim
