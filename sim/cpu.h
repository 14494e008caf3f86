// One board's processors, shared in equal parts by the processes on it, behind the work that moving
// tasks costs. With no more processes than processors each has one of its own: first come, first
// served, when the core starts no more than that. With more it is processor sharing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/types.h"

namespace sim {

class Cpu {
 public:
  // `speed_thousandths`: how much faster than a board of speed 1000 a process runs here.
  Cpu(std::uint32_t processors, std::uint32_t speed_thousandths)
      : processors_(processors), speed_(speed_thousandths) {}

  static constexpr core::Duration kLongest = core::Duration{1} << 50;

  // A process that needs so much time, 1 ... kLongest, on a processor of speed 1000. Times never go
  // back.
  void start(core::Time now, core::TaskId task, core::Duration work);
  // What it still needs, at least 1: to be started with elsewhere. Nothing (0) if it is not there.
  core::Duration remove(core::Time now, core::TaskId task);
  // Work of the system's own on one processor; it goes first.
  void charge(core::Time now, core::Duration overhead);

  // The next process to end if nothing changes before, and when.
  std::optional<std::pair<core::Time, core::TaskId>> next_end() const;
  // The next time at which to ask again: the next end, or that of the system's own work.
  core::Time next_change() const;

  // Processor time used by processes and by the system's own work so far.
  core::Duration busy(core::Time now);
  core::Duration overhead() const { return overhead_; }
  void clear(core::Time now);

  // Lets time pass. The others do so by themselves.
  void advance(core::Time now);

 private:
  // Progress of each process, in units of 2^-10 us of work.
  using Work = std::uint64_t;

  void advance_by(core::Duration duration, bool system_busy);
  std::uint64_t shares(bool system_busy) const;  // processors at work on processes
  bool system_busy(core::Time now) const { return now < system_until_; }

  std::uint32_t processors_;
  std::uint32_t speed_;
  core::Time now_ = 0;
  core::Time system_until_ = 0;
  core::Duration overhead_ = 0;
  std::uint64_t busy_ = 0;  // processors * us
  Work done_ = 0;           // what a process that has been there for ever has got
  std::set<std::pair<Work, core::TaskId>> ends_;
  std::map<core::TaskId, Work> end_of_;
};

}  // namespace sim
