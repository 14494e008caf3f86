#include "core/timers.h"

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/rng.h"
#include "tests/catch.h"

namespace {

using core::Time;
using core::TimerKey;
using core::Timers;
using Kind = TimerKey::Kind;

// The same contract as plainly as it can be said.
class PlainTimers {
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
  Time next() const { return due_.empty() ? core::kNever : due_.begin()->first; }
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

}  // namespace

TEST_CASE("timers: the earliest first, the smallest key among equals") {
  Timers timers;
  CHECK(timers.next() == core::kNever);
  CHECK_FALSE(timers.pop(100));
  timers.set({Kind::report, 2, 1}, 50);
  timers.set({Kind::report, 1, 1}, 50);
  timers.set({Kind::join}, 70);
  timers.set({Kind::probe_period}, 60);
  timers.set({Kind::join}, 40);  // replaces
  CHECK(timers.next() == 40);
  CHECK_FALSE(timers.pop(39));
  CHECK(timers.pop(100) == TimerKey{Kind::join});
  CHECK(timers.pop(100) == TimerKey{Kind::report, 1, 1});
  CHECK(timers.pop(100) == TimerKey{Kind::report, 2, 1});
  CHECK_FALSE(timers.armed({Kind::report, 2, 1}));
  timers.cancel({Kind::probe_period});
  timers.cancel({Kind::probe_period});
  CHECK(timers.next() == core::kNever);
}

TEST_CASE("timers do what a sorted set does, whatever the order of calls") {
  for (const std::uint64_t keys : {3u, 40u, 3000u}) {
    CAPTURE(keys);
    core::Rng rng(keys);
    Timers timers;
    PlainTimers plain;
    Time now = 0;
    for (int call = 0; call < 20'000; ++call) {
      const std::uint64_t number = rng.below(keys);
      const std::uint64_t kind = rng.below(3);
      const TimerKey key{static_cast<Kind>(kind), number, number % 3};
      const std::uint64_t verb = rng.below(8);
      if (verb < 4) {
        const Time at = now + static_cast<Time>(rng.below(50));
        timers.set(key, at);
        plain.set(key, at);
      } else if (verb < 6) {
        timers.cancel(key);
        plain.cancel(key);
      } else {
        now += static_cast<Time>(rng.below(10));
        REQUIRE(timers.pop(now) == plain.pop(now));
      }
      REQUIRE(timers.next() == plain.next());
      REQUIRE(timers.armed(key) == plain.armed(key));
    }
  }
}
