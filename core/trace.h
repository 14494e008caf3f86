// Decisions in structured form and every event and action in words. One vocabulary serves the
// daemon's log, the simulator's transcripts, `peerctl explain` and, counted, `peerctl stats`.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "core/types.h"

namespace core {

enum class What : std::uint8_t {
  // Tasks
  task_submitted,
  task_refused,
  task_started,
  task_goes_on,
  task_exited,
  task_finished,
  task_lost,
  task_moved,
  task_found_again,
  task_interrupted,
  task_recovered,
  task_frozen,
  task_thawed,
  task_restarted,
  cancel_requested,
  migration_wished,
  wish_refused,
  task_held,
  task_released,
  // Searches
  became_sender,
  search_started,
  probe_sent,
  probe_answered,
  probe_timed_out,
  wish_kept,
  wish_used,
  referral_given,
  referral_followed,
  peer_chosen,
  search_succeeded,
  search_gave_up,
  search_moot,
  request_sent,
  request_declined,
  request_timed_out,
  nothing_selected,
  // Limits that bit
  limit_probes,
  limit_search_time,
  limit_searches,
  limit_transfers,
  limit_migrations,
  limit_moves,
  limit_residence,
  limit_queue,
  // Handoff, source
  offer_sent,
  offer_granted,
  offer_rejected,
  offer_timed_out,
  bundle_sent,
  bundle_failed,
  not_migratable,
  handed_off,
  handoff_committed,
  handoff_aborted,
  // Handoff, destination
  grant_given,
  search_led_here,
  grant_refused,
  reservation_expired,
  prepared,
  arrived,
  arrival_aborted,
  request_accepted,
  request_refused,
  // Home
  report_sent,
  lease_renewed,
  lease_refused,
  lease_given,
  lease_denied,
  lease_awaited,
  results_failed,
  // Membership
  peer_joined,
  peer_suspected,
  peer_dead,
  peer_left,
  peer_returned,
  peer_draining,
  peer_serves_again,
  peers_full,
  suspicion_refuted,
  identity_conflict,
  woke_late,
  // This node
  memory_pressure_on,
  memory_pressure_off,
  draining,
  evacuating,
  evacuation_ended,
  emptied,
  reconfigured,
  message_ignored,
  count_  // how many there are
};
constexpr std::size_t kWhats = static_cast<std::size_t>(What::count_);

struct Trace {
  What what = What::message_ignored;
  TaskId task;                       // whom it concerns, if a task
  PeerId peer = PeerId::none;        // the other party, if any
  std::int64_t a = 0, b = 0, c = 0;  // as the template in trace.cpp reads them
};

// Counts since the start, by what happened. `peerctl stats` shows them under key().
struct Counters {
  std::array<std::uint64_t, kWhats> whats{};
  std::array<std::uint64_t, kVetoes> refusals_given{};  // Reject and Decline sent, by reason
  std::array<std::uint64_t, kVetoes> refusals_received{};
  std::array<std::uint64_t, 32> messages_sent{};  // by Message::index()
  std::array<std::uint64_t, 32> messages_received{};

  std::uint64_t operator[](What what) const { return whats[static_cast<std::size_t>(what)]; }
};

const char* key(What what);  // "probe_timed_out"

// How peers are called in texts: their names where known.
using Names = std::function<std::string(PeerId)>;

std::string to_text(TaskId task, const Names& names);  // "board1.17"
std::string to_text(Load load);                        // "1.500"
std::string to_text(const Trace& trace, const Names& names);

}  // namespace core
