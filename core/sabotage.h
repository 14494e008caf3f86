// Deliberate bugs, so that tests can show that a checker notices them. They exist in builds for
// tests alone (PEERD_SABOTAGE); elsewhere the question is answered at compile time.
#pragma once

#include <cstdint>

namespace core {

#ifdef PEERD_SABOTAGE
constexpr bool kSabotagePossible = true;
#else
constexpr bool kSabotagePossible = false;
#endif

enum class Sabotage : std::uint8_t {
  none,
  // Handoff
  forget_epochs,       // the source believes a Prepared for an earlier offer
  reuse_epochs,        // a restarted source offers at epochs that it has used
  keep_what_is_given,  // the source goes on with its copy after handing over
  skip_reservation,    // a granted place is not counted as taken
  start_prepared,      // the destination does not wait for the Commit
  commit_twice,        // a repeated Commit is taken for a new one
  deaf_to_abort,       // the destination keeps what the source called off
  forget_hops,         // a move does not count
  always_willing,      // the destination calls itself idle and grants every offer
  // Running tasks
  resume_what_is_given,  // the source lets its process go on after handing over
  start_restored,        // the destination's copy goes on before the Commit
  one_migration_more,
  // Journal
  decide_in_memory,   // a decision is not persisted
  prepare_in_memory,  // a prepared copy is not persisted
  start_in_memory,    // a start is not persisted
  rerun_interrupted,  // what ran when power failed is started again
  act_before_commit,  // the driver performs a batch before its records are on disk
  act_unwritten,      // the driver performs what a full journal could not take
  // Owner and home node
  one_slot_more,
  probe_on,          // probes are not counted
  tell_once,         // reports are not repeated
  believe_delivery,  // results that did not get through count as delivered
  believe_old_news,  // the home node's record goes back
  record_twice,      // an end is recorded each time it is told
  // Leases
  take_over_early,    // the home node does not wait until the owner's lease has run out
  run_without_lease,  // the owner takes it for granted
  count_
};

}  // namespace core
