#include "policies/registry.h"

#include <cassert>
#include <cstddef>
#include <memory>

#include "core/trace.h"
#include "policies/factories.h"

namespace policies {
namespace {

template <typename Policy>
struct Row {
  const char* name;
  std::unique_ptr<Policy> (*make)(const core::PolicyConfig&);
};

constexpr Row<core::TransferPolicy> kTransfers[] = {
    {"threshold", threshold_transfer},
    {"dual_threshold", dual_threshold_transfer},
    {"lookahead", lookahead_transfer},
    {"never", never_transfer},
};

constexpr Row<core::SelectionPolicy> kSelections[] = {
    {"newest_waiting", newest_waiting_selection},
    {"oldest_waiting", oldest_waiting_selection},
    {"smallest", smallest_selection},
};

constexpr Row<core::SelectionPolicy> kMigrations[] = {
    {"never", never_migration},
    {"longest_running", longest_running_migration},
    {"worth_moving", worth_moving_migration},
};

constexpr Row<core::LocationPolicy> kLocations[] = {
    {"random", random_location},
    {"threshold", threshold_location},
    {"shortest", shortest_location},
    {"receiver", receiver_location},
    {"symmetric", symmetric_location},
    {"adaptive", adaptive_location},
    {"push", push_location},
    {"pull", pull_location},
    {"late_binding", late_binding_location},
    {"best", best_location},
};

constexpr Row<core::InformationPolicy> kInformations[] = {
    {"on_demand", on_demand_information},
    {"piggyback", piggyback_information},
    {"periodic", periodic_information},
};

struct Preset {
  const char* name;
  const char* transfer;
  const char* location;
  const char* selection = "newest_waiting";
};

// Where nothing moves nothing is taken either: `threshold` admits as a receiver only, and `never`
// is none.
constexpr Preset kPresets[] = {
    {"none", "never", "threshold"},
    {"random", "threshold", "random"},
    {"sender", "threshold", "shortest"},
    {"receiver", "threshold", "receiver"},
    {"symmetric", "threshold", "symmetric"},
    {"adaptive", "dual_threshold", "adaptive"},
    {"push", "threshold", "push"},
    {"pull", "threshold", "pull"},
    {"late_binding", "threshold", "late_binding", "oldest_waiting"},
    {"best", "lookahead", "best", "oldest_waiting"},
};

template <typename Row, std::size_t n>
const Row* find(const Row (&rows)[n], const std::string& name) {
  for (const Row& row : rows) {
    if (name == row.name) return &row;
  }
  return nullptr;
}

template <typename Row, std::size_t n>
std::vector<std::string> names(const Row (&rows)[n]) {
  std::vector<std::string> result;
  for (const Row& row : rows) result.emplace_back(row.name);
  return result;
}

template <typename Row, std::size_t n>
std::optional<std::string> unknown(const char* kind, const Row (&rows)[n],
                                   const std::string& name) {
  if (find(rows, name)) return std::nullopt;
  std::string text = "unknown " + std::string(kind) + " policy \"" + name + "\"; known are ";
  for (const Row& row : rows) {
    if (&row != rows) text += ", ";
    text += row.name;
  }
  return text;
}

template <typename Row, std::size_t n>
auto make(const Row (&rows)[n], const std::string& name, const core::PolicyConfig& config) {
  return find(rows, name)->make(config);
}

}  // namespace

std::vector<std::string> transfer_names() {
  return names(kTransfers);
}
std::vector<std::string> selection_names() {
  return names(kSelections);
}
std::vector<std::string> migration_names() {
  return names(kMigrations);
}
std::vector<std::string> location_names() {
  return names(kLocations);
}
std::vector<std::string> information_names() {
  return names(kInformations);
}
std::vector<std::string> preset_names() {
  return names(kPresets);
}

std::optional<std::string> check(const core::PolicyConfig& config) {
  if (auto error = unknown("transfer", kTransfers, config.transfer)) return error;
  if (auto error = unknown("selection", kSelections, config.selection)) return error;
  if (auto error = unknown("migration", kMigrations, config.migration)) return error;
  if (auto error = unknown("location", kLocations, config.location)) return error;
  if (auto error = unknown("information", kInformations, config.information)) return error;
  if (config.transfer == "dual_threshold" && config.low >= config.high) {
    return "dual_threshold needs low < high, but low is " + core::to_text(config.low) +
           " and high is " + core::to_text(config.high);
  }
  if (config.information == "periodic" && config.information_interval <= 0) {
    return "periodic needs information_interval > 0";
  }
  if (config.information == "periodic" && config.information_fanout == 0) {
    return "periodic needs information_fanout > 0";
  }
  return std::nullopt;
}

core::PolicySet make_policies(const core::PolicyConfig& config) {
  assert(!check(config));
  core::PolicySet set;
  set.transfer = make(kTransfers, config.transfer, config);
  set.selection = make(kSelections, config.selection, config);
  set.migration = make(kMigrations, config.migration, config);
  set.location = make(kLocations, config.location, config);
  set.information = make(kInformations, config.information, config);
  return set;
}

std::optional<core::PolicyConfig> preset(const std::string& name) {
  const Preset* found = find(kPresets, name);
  if (!found) return std::nullopt;
  core::PolicyConfig config;
  config.transfer = found->transfer;
  config.selection = found->selection;
  config.location = found->location;
  config.information = "on_demand";
  return config;
}

}  // namespace policies
