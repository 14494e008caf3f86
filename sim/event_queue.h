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
    rise(heap_.size() - 1);
  }

  // Requires !empty().
  T pop() {
    assert(!heap_.empty());
    const std::uint32_t slot = heap_.front().slot;
    heap_.front() = heap_.back();
    heap_.pop_back();
    sink();
    free_.push_back(slot);
    return std::move(slots_[slot]);
  }

 private:
  struct Entry {
    core::Time at;
    std::uint64_t sequence;
    std::uint32_t slot;
  };

  static constexpr std::size_t kChildren = 4;  // half as many levels to wait for as with two

  static bool sooner(const Entry& a, const Entry& b) {
    return a.at != b.at ? a.at < b.at : a.sequence < b.sequence;
  }

  void rise(std::size_t place) {
    const Entry entry = heap_[place];
    while (place > 0) {
      const std::size_t parent = (place - 1) / kChildren;
      if (!sooner(entry, heap_[parent])) break;
      heap_[place] = heap_[parent];
      place = parent;
    }
    heap_[place] = entry;
  }

  void sink() {
    if (heap_.empty()) return;
    const Entry entry = heap_.front();
    std::size_t place = 0;
    for (;;) {
      const std::size_t first = kChildren * place + 1;
      if (first >= heap_.size()) break;
      const std::size_t end = std::min(first + kChildren, heap_.size());
      std::size_t child = first;
      for (std::size_t other = first + 1; other < end; ++other)
        if (sooner(heap_[other], heap_[child])) child = other;
      if (!sooner(heap_[child], entry)) break;
      heap_[place] = heap_[child];
      place = child;
    }
    heap_[place] = entry;
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
