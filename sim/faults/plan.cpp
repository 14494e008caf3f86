#include "sim/faults/plan.h"

#include <algorithm>
#include <cassert>
#include <cstdio>
#include <iterator>

#include "core/lease.h"
#include "core/rng.h"
#include "policies/registry.h"

namespace sim::faults {
namespace {

using core::kMillisecond;
using core::kSecond;
using Kind = Incident::Kind;

constexpr core::Time kCalm = 2 * kSecond;  // at the beginning: peers find each other

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : rng_(seed) {}

  std::uint64_t below(std::uint64_t bound) { return rng_.below(bound); }
  // least ... most, both included
  std::uint32_t within(std::uint32_t least, std::uint32_t most) {
    return least + static_cast<std::uint32_t>(rng_.below(most - least + 1));
  }
  core::Duration time(core::Duration least, core::Duration most) {
    return least +
           static_cast<core::Duration>(rng_.below(static_cast<std::uint64_t>(most - least) + 1));
  }
  bool one_in(std::uint64_t n) { return rng_.below(n) == 0; }
  template <typename T>
  T one_of(const std::vector<T>& choices) {
    return choices.at(rng_.below(choices.size()));
  }

 private:
  core::Rng rng_;
};

NodeIndex draw_nodes(Draw& draw) {
  const std::uint64_t size = draw.below(100);
  if (size < 25) return draw.within(2, 3);
  if (size < 60) return draw.within(4, 5);
  if (size < 90) return draw.within(6, 10);
  if (size < 98) return draw.within(11, 20);
  return draw.within(21, 64);
}

core::PolicyConfig draw_policy(Draw& draw) {
  core::PolicyConfig policy = policies::preset(draw.one_of(policies::preset_names())).value();
  if (draw.one_in(3)) {
    policy.transfer = draw.one_of(policies::transfer_names());
    policy.location = draw.one_of(policies::location_names());
  }
  policy.selection = draw.one_of(policies::selection_names());
  policy.information = draw.one_of(policies::information_names());
  policy.threshold = static_cast<core::Load>(draw.within(1, 4) * 500);
  policy.low = static_cast<core::Load>(draw.within(1, 3) * 500);
  policy.high = policy.low + static_cast<core::Load>(draw.within(1, 3) * 500);
  policy.information_interval = draw.time(200 * kMillisecond, 2 * kSecond);
  policy.information_fanout = draw.within(1, 4);
  policy.information_max_age = draw.time(100 * kMillisecond, 3 * kSecond);
  return policy;
}

core::LoadConfig draw_load(Draw& draw) {
  core::LoadConfig load;
  if (draw.one_in(4)) load.smoothing_thousandths = draw.within(100, 1000);
  load.sample_interval = draw.time(50 * kMillisecond, kSecond);
  load.weight_thousandths = draw.one_in(4) ? draw.within(1, 4) * 500 : 1000;
  load.min_memory_bytes = draw.one_in(3) ? 0 : std::uint64_t{draw.within(1, 2048)} << 20;
  load.max_memory_pressure_thousandths = draw.within(0, 1000);
  load.reservations = !draw.one_in(4);
  load.aging = draw.one_in(3) ? 0 : draw.time(kMillisecond, 20 * kSecond);
  return load;
}

core::LimitsConfig draw_limits(Draw& draw) {
  core::LimitsConfig limits;
  limits.probe_limit = draw.within(0, 6);
  limits.probe_timeout = draw.time(20 * kMillisecond, 300 * kMillisecond);
  limits.search_timeout = draw.time(100 * kMillisecond, 2 * kSecond);
  limits.searches_at_once = draw.within(1, 4);
  limits.search_retry = draw.one_in(4) ? 0 : draw.time(100 * kMillisecond, 2 * kSecond);
  limits.moves_per_task = draw.within(0, 8);
  limits.min_residence = draw.one_in(2) ? 0 : draw.time(0, kSecond);
  limits.transfers_at_once = draw.within(1, 6);
  limits.queue_length = draw.one_in(3) ? draw.within(2, 12) : 10'000;
  limits.grant_timeout = draw.time(50 * kMillisecond, kSecond);
  limits.transfer_timeout =
      draw.one_in(2) ? draw.time(200 * kMillisecond, 2 * kSecond) : 20 * kSecond;
  limits.resend_interval = draw.time(50 * kMillisecond, 500 * kMillisecond);
  limits.finished_tasks = draw.one_in(4) ? draw.within(1, 20) : 100'000;
  limits.wishes = draw.one_in(2) ? draw.within(0, 4) : 256;
  limits.wish_timeout = draw.time(kMillisecond, draw.one_in(2) ? kSecond : 60 * kSecond);
  return limits;
}

core::MembershipConfig draw_membership(Draw& draw) {
  core::MembershipConfig membership;
  membership.probe_interval = draw.time(500 * kMillisecond, 2 * kSecond);
  membership.probe_timeout = membership.probe_interval / 2;
  membership.indirect_probes = draw.within(0, 3);
  membership.suspicion_min = draw.within(1, 4);
  membership.suspicion_max = draw.within(1, 6);
  membership.max_health = draw.within(0, 8);
  membership.join_interval = draw.time(100 * kMillisecond, 3 * kSecond);
  membership.rejoin_interval = draw.time(kSecond, 10 * kSecond);
  membership.dead_retention = draw.one_in(4) ? draw.time(kSecond, 30 * kSecond)
                                             : draw.time(kLongAbsence, 24 * 6 * kLongAbsence);
  membership.max_peers = draw.one_in(4) ? draw.within(1, 64) : 4096;
  if (draw.one_in(4)) membership.view = draw.within(8, 16);
  return membership;
}

// How often each kind of incident is drawn, of a hundred.
constexpr std::uint32_t kShares[] = {40, 4, 3, 3, 5, 9, 7, 10, 5, 2, 2, 3, 2, 3, 2};
static_assert(std::size(kShares) + kMigrationKinds + kTroubleKinds == kKinds);

Kind draw_kind(Draw& draw) {
  std::uint64_t drawn = draw.below(100);
  std::size_t kind = 0;
  while (drawn >= kShares[kind]) drawn -= kShares[kind++];
  return static_cast<Kind>(kind);
}

// What happens where running tasks move. Drawn apart, so that the rest of a plan is what it would
// be without.
Incident draw_migration_incident(Draw& draw, const Plan& plan) {
  Incident incident;
  incident.kind = draw.one_of(
      std::vector{Kind::wish, Kind::wish, Kind::wish, Kind::wish, Kind::kill_daemon, Kind::criu});
  incident.at = draw.time(kCalm, plan.storm_ends);
  incident.lasts = draw.time(0, 2 * kSecond);
  incident.node = static_cast<NodeIndex>(draw.below(plan.nodes()));
  incident.a = draw.below(1'000'000);
  incident.b = draw.below(1'000'000);
  return incident;
}

// What came later. Drawn apart as well.
Incident draw_trouble(Draw& draw, const Plan& plan) {
  std::vector<Kind> kinds = {Kind::evacuate, Kind::evacuate};
  if (plan.journal) kinds.insert(kinds.end(), {Kind::journal, Kind::journal});
  if (plan.migrates) kinds.insert(kinds.end(), {Kind::slow_criu, Kind::stuck_criu});
  Incident incident;
  incident.kind = draw.one_of(kinds);
  incident.at = draw.time(kCalm, plan.storm_ends);
  incident.lasts = draw.time(0, draw.one_in(3) ? 10 * kSecond : 2 * kSecond);
  incident.node = static_cast<NodeIndex>(draw.below(plan.nodes()));
  incident.a = draw.below(draw.one_in(2) ? 5'000'000 : 500'000);
  incident.b = draw.below(1'000'000);
  return incident;
}

Incident draw_crash_during(const Incident& other, Draw& draw) {
  Incident crash;
  crash.kind = draw.one_in(2) ? Kind::crash : Kind::kill_daemon;
  crash.at = draw.time(other.at, other.at + other.lasts);
  crash.lasts = draw.time(0, 2 * kSecond);
  crash.node = other.node;
  crash.a = draw.below(1'000'000);
  crash.b = draw.below(1'000'000);
  return crash;
}

Incident draw_incident(Draw& draw, const Plan& plan) {
  Incident incident;
  incident.kind = draw_kind(draw);
  incident.at = draw.time(kCalm, plan.storm_ends);
  const bool is_long = draw.one_in(3) || incident.kind == Kind::weather;
  incident.lasts = draw.time(0, is_long ? 15 * kSecond : 2 * kSecond);
  incident.node = static_cast<NodeIndex>(draw.below(plan.nodes()));
  // Few nodes see most of the submissions, or there would be little to balance.
  if (incident.kind == Kind::submit && !draw.one_in(3)) incident.node %= 2;
  switch (incident.kind) {
    case Kind::submit:
      incident.a = draw.within(1, 10);
      break;
    case Kind::lag:
      incident.a = draw.below(700'000);
      break;
    case Kind::clock_jump:
      incident.a = draw.one_in(4) ? draw.below(100'000'000) : draw.below(3'000'000);
      break;
    case Kind::hostile:
      incident.a = draw.within(1, 20);
      break;
    default:
      incident.a = draw.below(1'000'000);
  }
  incident.b = draw.below(1'000'000);
  return incident;
}

// Leases are promised as long as no clock gains more than their margin on another.
void steady_clocks(Plan& plan) {
  const auto is_of_clock = [](const Incident& incident) {
    return incident.kind == Kind::clock_jump || incident.kind == Kind::clock_stand;
  };
  const auto clocks = std::count_if(plan.incidents.begin(), plan.incidents.end(), is_of_clock);
  const core::Duration most = core::lease_margin(plan.config.limits.lease) / (clocks + 1);
  for (Incident& incident : plan.incidents) {
    if (!is_of_clock(incident)) continue;
    incident.a %= static_cast<std::uint64_t>(most);
    incident.lasts = std::min(incident.lasts, most);
  }
}

const char* name(Kind kind) {
  static constexpr const char* kNames[] = {
      "submit",      "cancel",     "drain",    "reconfigure", "pause",       "crash",
      "part",        "weather",    "lag",      "memory",      "disk",        "clock jump",
      "clock stand", "version",    "hostile",  "wish",        "kill daemon", "criu",
      "slow criu",   "stuck criu", "evacuate", "journal"};
  static_assert(std::size(kNames) == kKinds);
  return kNames[static_cast<std::size_t>(kind)];
}

std::string seconds(core::Duration time) {
  char text[32];
  std::snprintf(text, sizeof text, "%lld.%06lld", static_cast<long long>(time / kSecond),
                static_cast<long long>(time % kSecond));
  return text;
}

}  // namespace

core::Config draw_config(std::uint64_t seed) {
  Draw draw(seed);
  core::Config config;
  config.policy = draw_policy(draw);
  assert(!policies::check(config.policy));
  config.limits = draw_limits(draw);
  config.membership = draw_membership(draw);
  config.load = draw_load(draw);
  config.policy.migration = draw.one_of(policies::migration_names());
  config.limits.retention = draw.one_in(4) ? draw.time(kSecond, 60 * kSecond) : kLongAbsence * 24;
  config.limits.lease = draw.time(kSecond, 6 * kSecond);
  config.limits.migrations_at_once = draw.one_in(2) ? 1 : draw.within(2, 4);
  return config;
}

core::Config config_of(const core::Config& config, std::uint32_t slots) {
  core::Config own = config;
  own.load.slots = slots;
  own.load.weight_thousandths = slots * config.load.weight_thousandths;
  return own;
}

Link draw_weather(std::uint64_t seed) {
  Draw draw(seed);
  Link link;
  if (draw.one_in(2)) link.loss_thousandths = draw.within(0, 400);
  if (draw.one_in(2)) link.duplication_thousandths = draw.within(0, 400);
  if (draw.one_in(2)) link.reorder_thousandths = draw.within(0, 500);
  link.reorder_delay = draw.time(0, 3 * kSecond);
  if (draw.one_in(2)) link.delay_max = draw.time(link.delay_min, 400 * kMillisecond);
  if (draw.one_in(2)) link.stream_failure_thousandths = draw.within(0, 500);
  link.stream_latency = draw.time(kMillisecond, 500 * kMillisecond);
  return link;
}

Plan draw_plan(std::uint64_t seed, core::Sabotage sabotage) {
  Draw draw(seed ^ 0x6661756c7473u);
  Plan plan;
  plan.seed = seed;
  plan.sabotage = sabotage;
  plan.config = draw_config(draw.below(UINT64_MAX));
  const NodeIndex nodes = draw_nodes(draw);
  const std::uint32_t most_slots = draw.one_in(2) ? 1 : 4;
  for (NodeIndex i = 0; i < nodes; ++i) plan.slots.push_back(draw.within(1, most_slots));
  plan.journal = !draw.one_in(5);
  plan.gullible = draw.one_in(16);
  plan.storm_ends = kCalm + draw.time(3 * kSecond, 30 * kSecond);
  const std::uint32_t incidents = draw.within(10, 100);
  for (std::uint32_t i = 0; i < incidents; ++i) plan.incidents.push_back(draw_incident(draw, plan));
  // In a small world the same two meet again and again, and what one of them said may come late.
  if (plan.nodes() <= 3 && draw.one_in(2)) {
    const std::uint64_t weather = draw.below(UINT64_MAX);
    plan.incidents.push_back({Kind::weather, kCalm, plan.storm_ends - kCalm, 0, weather, 0});
    plan.config.limits.search_retry = draw.time(50 * kMillisecond, 200 * kMillisecond);
    plan.config.limits.transfer_timeout = draw.time(200 * kMillisecond, kSecond);
  }
  Draw moves(seed ^ 0x6d6f766573u);
  plan.migrates = moves.one_in(2);
  const std::uint32_t more = plan.migrates ? moves.within(5, 60) : 0;
  for (std::uint32_t i = 0; i < more; ++i)
    plan.incidents.push_back(draw_migration_incident(moves, plan));
  Draw leases(seed ^ 0x6c6561736573u);
  plan.restarts = leases.one_in(2);
  if (plan.restarts) steady_clocks(plan);
  Draw troubles(seed ^ 0x74726f75626c65u);
  const std::uint32_t yet_more = troubles.one_in(2) ? troubles.within(1, 15) : 0;
  for (std::uint32_t i = 0; i < yet_more; ++i) {
    const Incident trouble = draw_trouble(troubles, plan);
    plan.incidents.push_back(trouble);
    if (trouble.kind == Kind::journal && troubles.one_in(2))
      plan.incidents.push_back(draw_crash_during(trouble, troubles));
  }
  std::stable_sort(plan.incidents.begin(), plan.incidents.end(),
                   [](const Incident& a, const Incident& b) { return a.at < b.at; });
  return plan;
}

std::string describe(const Incident& incident) {
  return seconds(incident.at) + " " + name(incident.kind) + " n" + std::to_string(incident.node) +
         " for " + seconds(incident.lasts) + " a=" + std::to_string(incident.a) +
         " b=" + std::to_string(incident.b);
}

std::string describe(const Plan& plan) {
  std::string text = "seed " + std::to_string(plan.seed) + ": " + std::to_string(plan.nodes()) +
                     " nodes, " + plan.config.policy.transfer + "/" + plan.config.policy.selection +
                     "/" + plan.config.policy.location + "/" + plan.config.policy.information +
                     ", " + (plan.journal ? "with" : "without") + " journal" +
                     (plan.migrates ? ", running tasks move" : "") +
                     (plan.restarts ? ", some begin anew" : "") +
                     (plan.remembers() ? "" : ", forgetful") + (plan.gullible ? ", gullible" : "") +
                     ", all heals at " + seconds(plan.storm_ends) + "\n";
  for (const Incident& incident : plan.incidents) text += "  " + describe(incident) + "\n";
  return text;
}

}  // namespace sim::faults
