// All of a node's deadlines in one ordered set, so that the driver needs a single timer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

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
    enquiry
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
  void set(const TimerKey& key, Time at) {
    cancel(key);
    due_.emplace(at, key);
    at_.emplace(key, at);
  }

  void cancel(const TimerKey& key) {
    const auto found = at_.find(key);
    if (found == at_.end()) return;
    due_.erase({found->second, key});
    at_.erase(found);
  }

  bool armed(const TimerKey& key) const { return at_.contains(key); }

  Time next() const { return due_.empty() ? kNever : due_.begin()->first; }

  // Removes and returns the earliest that is due.
  std::optional<TimerKey> pop(Time now) {
    if (due_.empty() || due_.begin()->first > now) return std::nullopt;
    const TimerKey key = due_.begin()->second;
    cancel(key);
    return key;
  }

 private:
  std::set<std::pair<Time, TimerKey>> due_;
  std::map<TimerKey, Time> at_;
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
