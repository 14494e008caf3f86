// Everything that goes wrong in one trial, drawn from one seed: a plain value, so that it can be
// cut down to what still fails.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/sabotage.h"
#include "sim/network.h"

namespace sim::faults {

// Begins, lasts, and is over by itself: without any one of them a plan is still a plan.
struct Incident {
  enum class Kind : std::uint8_t {
    submit,       // a: how many, at once
    cancel,       // a: which of the tasks so far
    drain,        // leaves in order, and comes back when it is over
    reconfigure,  // a: seed of the configuration
    pause,
    crash,        // a: between two steps, torn in the next, or after it is committed; b: actions
                  // performed
    part,         // a: seed of who is on the other side; b: both ways, one way or the other
    weather,      // a: seed of the link's loss, delays, doubling and reordering
    lag,          // a: microseconds
    memory,       // the board runs out of it
    disk,         // is full
    clock_jump,   // a: microseconds
    clock_stand,  // no time passes, then it goes on, b: or catches up
    version,      // speaks another protocol version
    hostile,      // a: random datagrams; and every few of the real ones come again, mutated
    // Where running tasks move:
    wish,         // a: which of the tasks so far is to move, b: to which node, or to any
    kill_daemon,  // its processes go on
    criu,         // nothing is frozen or restored
    // Drawn apart, too:
    slow_criu,   // a: microseconds that each dump and each restore takes longer
    stuck_criu,  // none of them is over before its time limit
    evacuate,    // is to be empty, and takes tasks again when it is over
    journal      // cannot be written, or b: has only its reserve left
  };
  Kind kind = Kind::submit;
  core::Time at = 0;
  core::Duration lasts = 0;
  NodeIndex node = 0;
  std::uint64_t a = 0, b = 0;
};
constexpr std::size_t kMigrationKinds = 3;
constexpr std::size_t kTroubleKinds = 4;
constexpr std::size_t kKinds = 15 + kMigrationKinds + kTroubleKinds;

constexpr core::Duration kLongAbsence = 600 * core::kSecond;  // longer than any in a trial

struct Plan {
  std::uint64_t seed = 0;
  std::vector<std::uint32_t> slots;  // of each node
  core::Config config;
  core::Sabotage sabotage = core::Sabotage::none;  // a bug of all nodes
  bool journal = true;                             // else a crash takes all, and tasks with it
  bool migrates = false;                           // boards can freeze and restore processes
  bool restarts = false;  // half of the tasks are begun anew when their owner is gone
  // Mutated datagrams are believed: then nothing is promised but that nobody breaks down.
  bool gullible = false;
  core::Time storm_ends = 0;
  std::vector<Incident> incidents;  // by time

  // Are gone peers remembered for longer than any is gone? Else what is kept for them may be lost.
  bool remembers() const { return config.membership.dead_retention >= kLongAbsence; }
  NodeIndex nodes() const { return static_cast<NodeIndex>(slots.size()); }
};

Plan draw_plan(std::uint64_t seed, core::Sabotage sabotage = core::Sabotage::none);
core::Config draw_config(std::uint64_t seed);
// As that node has it: load 1.0 means one task per slot everywhere.
core::Config config_of(const core::Config& config, std::uint32_t slots);
Link draw_weather(std::uint64_t seed);

std::string describe(const Incident& incident);
std::string describe(const Plan& plan);  // a line for the whole, and one for each incident

}  // namespace sim::faults
