// All of a node's deadlines in one heap, so that the driver needs a single timer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/types.h"

namespace core {

struct TimerKey {
  enum class Kind : std::uint8_t {
    // Membership
    probe_period,
    ping_timeout,
    relay,      // a: sequence
    suspicion,  // a: peer
    join,
    rejoin,
    forget_peer,  // a: peer
    // Balancing
    load_sample,
    load_report,
    search_retry,
    probe_timeout,    // a: search
    search_deadline,  // a: search
    request_timeout,  // a: search
    // Handoff; a, b: the task
    outgoing,
    incoming,
    // Owner and home; a, b: the task
    report,
    results,
    enquiry,
    lease,
    retention
  };
  Kind kind = Kind::probe_period;
  std::uint64_t a = 0;
  std::uint64_t b = 0;

  static TimerKey of(Kind kind, TaskId task) { return {kind, value(task.home), task.serial}; }
  TaskId task() const { return {PeerId{a}, b}; }
  auto operator<=>(const TimerKey&) const = default;
};

class Timers {
 public:
  // Replaces the key's earlier deadline, if any.
  void set(const TimerKey& key, Time at);
  void cancel(const TimerKey& key);
  bool armed(const TimerKey& key) const { return find(key) != kNowhere; }

  Time next() const { return heap_.empty() ? kNever : heap_.front().at; }

  // Removes and returns the earliest that is due; the smallest key among equals.
  std::optional<TimerKey> pop(Time now);

 private:
  struct Entry {
    Time at;
    TimerKey key;

    auto operator<=>(const Entry&) const = default;
  };
  using Place = std::uint32_t;  // in the heap
  static constexpr Place kNowhere = UINT32_MAX;

  Place find(const TimerKey& key) const;
  void remove(Place place);
  void settle(Place place);  // to where the heap's order wants it
  void swap(Place one, Place other);

  // The index: places by key, hashed with linear probing. The keys themselves are read in the heap.
  std::size_t home_of(const TimerKey& key) const;
  std::size_t cell_of(const TimerKey& key) const;  // the key's, or the empty one where it would go
  std::size_t after(std::size_t cell) const { return (cell + 1) & (index_.size() - 1); }
  void grow_index();
  void vacate(std::size_t cell);

  std::vector<Entry> heap_;
  std::vector<Place> index_;  // a power of two, at most half full
};

// Moves by an eighth of the difference; the first value is taken as it is.
inline void follow_average(Duration& average, Duration value) {
  average = average < 0 ? value : average + (value - average) / 8;
}

// Grows the pause between repetitions of an unanswered message: x1, x2, x4, x8, then x16 for good.
inline Duration backoff(Duration interval, std::uint32_t tries) {
  return interval << (tries < 4 ? tries : 4);
}

}  // namespace core
