// What can be tuned. One plain value, checked by its reader (peerd's config file, peersim's
// options); the core asserts what it relies on. All of it may change at run time through
// `Reconfigured`.
#pragma once

#include <string>

#include "core/types.h"

namespace core {

struct LoadConfig {
  std::uint32_t slots = 1;                  // tasks run at once, 1 ... 1024
  std::uint32_t weight_thousandths = 1000;  // the load index is tasks / weight, 1 ... 1,000,000
  // Exponential smoothing of waiting + running: at every sample the index moves by this share of
  // the difference. 1000 = off (the index follows at once).
  std::uint32_t smoothing_thousandths = 1000;
  Duration sample_interval = 200 * kMillisecond;
  std::uint64_t min_memory_bytes = 64ull << 20;  // MemAvailable below it vetoes grants; 0 = never
  // PSI, the share of time in which some task stalled for memory (avg10): above it vetoes; 1000 =
  // never.
  std::uint32_t max_memory_pressure_thousandths = 400;
  // Arrivals that were granted and are still on their way count. Without them two senders may find
  // the same idle peer: for the study of ping-pong.
  bool reservations = true;
  Duration aging = 10 * kSecond;  // one point of priority is worth this much waiting time

  bool operator==(const LoadConfig&) const = default;
};

struct PolicyConfig {
  std::string transfer = "threshold";
  std::string selection = "newest_waiting";
  std::string location = "shortest";
  std::string information = "on_demand";
  // Which running task moves when no waiting one does.
  std::string migration = "never";

  Load threshold = 1000;  // `threshold`: sender above, receiver below
  Load low = 1000;        // `dual_threshold`: receiver below low, sender above high
  Load high = 1500;

  Duration information_interval = kSecond;  // `periodic`: how often
  std::uint32_t information_fanout = 3;     // `periodic`: how many random peers are told each time
  Duration information_max_age = kSecond;   // older knowledge of a peer's load is not used

  bool operator==(const PolicyConfig&) const = default;
};

struct LimitsConfig {
  std::uint32_t probe_limit = 3;  // probes per search, 0 ... 64
  Duration probe_timeout = 100 * kMillisecond;
  Duration search_timeout = kSecond;     // a whole probing round
  std::uint32_t searches_at_once = 4;    // in each role
  Duration search_retry = kSecond;       // while a sender or receiver, search again; 0 = only on
                                         // arrivals and departures, as in the papers
  std::uint32_t moves_per_task = 3;      // the hop limit; going home before a shutdown is free
  Duration min_residence = 0;            // a task stays this long before it may move on
  std::uint32_t transfers_at_once = 4;   // in each direction
  std::uint32_t migrations_at_once = 1;  // of running tasks, in each direction
  std::uint32_t wishes = 256;            // of others that probed, remembered; 0 ... 4096
  Duration wish_timeout = 60 * kSecond;  // for how long
  std::uint32_t queue_length = 10'000;   // waiting tasks, reservations included
  Duration grant_timeout = 500 * kMillisecond;  // an Offer's answer
  Duration transfer_timeout = 600 * kSecond;    // a granted task's bundle must have come by then
  Duration resend_interval =
      300 * kMillisecond;  // unacknowledged protocol messages; doubles to x16
  // For how long the owner of a task with `restarts` may run it without hearing from the home node.
  // Of tasks that are submitted from then on.
  Duration lease = 30 * kSecond;
  // Ended tasks that the home node remembers: so many, and for so long.
  std::uint32_t finished_tasks = 100'000;
  Duration retention = 7 * 24 * 3600 * kSecond;

  bool operator==(const LimitsConfig&) const = default;
};

struct MembershipConfig {
  Duration probe_interval = kSecond;
  Duration probe_timeout = 500 * kMillisecond;
  std::uint32_t indirect_probes = 3;
  std::uint32_t suspicion_min = 4;          // times log10(peers) probe intervals: Lifeguard's alpha
  std::uint32_t suspicion_max = 6;          // times the minimum: Lifeguard's beta
  std::uint32_t max_health = 8;             // local health multiplier's ceiling
  Duration join_interval = kSecond;         // between tries to reach a seed
  Duration rejoin_interval = 10 * kSecond;  // between tries to reach a peer declared dead
  Duration dead_retention = 24 * 3600 * kSecond;  // how long a gone peer is remembered
  std::uint32_t max_peers = 4096;
  // At most so many live peers are known, a random sample that is kept random by exchange; 0: all.
  // Must not change at run time.
  std::uint32_t view = 0;

  bool operator==(const MembershipConfig&) const = default;
};

struct Config {
  LoadConfig load;
  PolicyConfig policy;
  LimitsConfig limits;
  MembershipConfig membership;

  bool operator==(const Config&) const = default;
};

}  // namespace core
