// The deliberate bugs by name, and within how many seeds each is found: a test holds the trials to
// it.
#pragma once

#include <cstdint>
#include <iterator>
#include <string_view>

#include "core/sabotage.h"

namespace sim::faults {

struct Bug {
  const char* name;
  core::Sabotage sabotage;
  std::uint64_t seeds;
};

constexpr Bug kBugs[] = {
    {"forget_epochs", core::Sabotage::forget_epochs, 5000},
    {"reuse_epochs", core::Sabotage::reuse_epochs, 150},
    {"keep_what_is_given", core::Sabotage::keep_what_is_given, 20},
    {"skip_reservation", core::Sabotage::skip_reservation, 150},
    {"start_prepared", core::Sabotage::start_prepared, 150},
    {"commit_twice", core::Sabotage::commit_twice, 20},
    {"deaf_to_abort", core::Sabotage::deaf_to_abort, 150},
    {"forget_hops", core::Sabotage::forget_hops, 20},
    {"always_willing", core::Sabotage::always_willing, 20},
    {"resume_what_is_given", core::Sabotage::resume_what_is_given, 20},
    {"start_restored", core::Sabotage::start_restored, 20},
    {"one_migration_more", core::Sabotage::one_migration_more, 20},
    {"decide_in_memory", core::Sabotage::decide_in_memory, 20},
    {"prepare_in_memory", core::Sabotage::prepare_in_memory, 20},
    {"start_in_memory", core::Sabotage::start_in_memory, 20},
    {"rerun_interrupted", core::Sabotage::rerun_interrupted, 20},
    {"act_before_commit", core::Sabotage::act_before_commit, 20},
    {"act_unwritten", core::Sabotage::act_unwritten, 20},
    {"one_slot_more", core::Sabotage::one_slot_more, 20},
    {"probe_on", core::Sabotage::probe_on, 20},
    {"tell_once", core::Sabotage::tell_once, 150},
    {"believe_delivery", core::Sabotage::believe_delivery, 20},
    {"believe_old_news", core::Sabotage::believe_old_news, 150},
    {"record_twice", core::Sabotage::record_twice, 20},
    {"take_over_early", core::Sabotage::take_over_early, 500},
    {"run_without_lease", core::Sabotage::run_without_lease, 150},
};
static_assert(std::size(kBugs) + 1 == static_cast<std::size_t>(core::Sabotage::count_));

// nullptr if there is none of that name.
constexpr const Bug* find_bug(std::string_view name) {
  for (const Bug& bug : kBugs)
    if (name == bug.name) return &bug;
  return nullptr;
}

}  // namespace sim::faults
