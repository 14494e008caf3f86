#include "sim/cpu.h"

#include <algorithm>
#include <cassert>

#include "sim/fixed_point.h"

namespace sim {
namespace {

constexpr int kFraction = 10;

}  // namespace

void Cpu::start(core::Time now, core::TaskId task, core::Duration work) {
  advance(now);
  assert(!end_of_.contains(task) && work > 0 && work <= kLongest);
  if (ends_.empty()) done_ = 0;  // so that it cannot run over in any number of years
  const Work end = done_ + (static_cast<Work>(work) << kFraction);
  assert(end > done_);
  ends_.insert({end, task});
  end_of_.emplace(task, end);
}

core::Duration Cpu::remove(core::Time now, core::TaskId task) {
  advance(now);
  const auto found = end_of_.find(task);
  if (found == end_of_.end()) return 0;
  const Work left = found->second > done_ ? found->second - done_ : 0;
  ends_.erase({found->second, task});
  end_of_.erase(found);
  return std::max<core::Duration>(1, static_cast<core::Duration>(left >> kFraction));
}

void Cpu::charge(core::Time now, core::Duration overhead) {
  advance(now);
  if (overhead <= 0) return;
  system_until_ = std::max(system_until_, now) + overhead;
  overhead_ += overhead;
}

std::optional<std::pair<core::Time, core::TaskId>> Cpu::next_end() const {
  if (ends_.empty()) return std::nullopt;
  const auto& [end, task] = *ends_.begin();
  const Work left = end > done_ ? end - done_ : 0;
  const std::uint64_t rate = shares(system_busy(now_)) * speed_;  // of all processes together
  if (rate == 0) return std::nullopt;
  // Rounded up: at that time it has ended.
  const std::uint64_t us =
      (multiply_divide(left, ends_.size() * 1000, rate) + (1 << kFraction) - 1) >> kFraction;
  return std::pair{now_ + static_cast<core::Time>(us), task};
}

core::Time Cpu::next_change() const {
  const auto end = next_end();
  const core::Time at = end ? end->first : core::kNever;
  return !ends_.empty() && system_busy(now_) ? std::min(at, system_until_) : at;
}

core::Duration Cpu::busy(core::Time now) {
  advance(now);
  return static_cast<core::Duration>(busy_);
}

void Cpu::clear(core::Time now) {
  advance(now);
  ends_.clear();
  end_of_.clear();
  system_until_ = now;
}

void Cpu::advance(core::Time now) {
  assert(now >= now_);
  const core::Time change = std::clamp(system_until_, now_, now);
  advance_by(change - now_, true);
  advance_by(now - change, false);
  now_ = now;
}

void Cpu::advance_by(core::Duration duration, bool system) {
  if (duration == 0) return;
  const auto us = static_cast<std::uint64_t>(duration);
  const std::uint64_t at_work = shares(system);
  busy_ += us * (at_work + (system ? 1 : 0));
  if (ends_.empty()) return;
  done_ += multiply_divide(us << kFraction, at_work * speed_, ends_.size() * 1000);
}

std::uint64_t Cpu::shares(bool system) const {
  const std::uint64_t free = processors_ - (system ? 1 : 0);
  return std::min<std::uint64_t>(free, ends_.size());
}

}  // namespace sim
