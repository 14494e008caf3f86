// Every policy there is, each a class of its own file behind one of these. The registry gives them
// their names; nobody else calls them.
#pragma once

#include <memory>

#include "core/config.h"
#include "core/policy.h"

namespace policies {

std::unique_ptr<core::TransferPolicy> threshold_transfer(const core::PolicyConfig& config);
std::unique_ptr<core::TransferPolicy> dual_threshold_transfer(const core::PolicyConfig& config);
std::unique_ptr<core::TransferPolicy> lookahead_transfer(const core::PolicyConfig& config);
std::unique_ptr<core::TransferPolicy> never_transfer(const core::PolicyConfig& config);

std::unique_ptr<core::SelectionPolicy> newest_waiting_selection(const core::PolicyConfig& config);
std::unique_ptr<core::SelectionPolicy> oldest_waiting_selection(const core::PolicyConfig& config);
std::unique_ptr<core::SelectionPolicy> smallest_selection(const core::PolicyConfig& config);

// None: running tasks stay.
std::unique_ptr<core::SelectionPolicy> never_migration(const core::PolicyConfig& config);
std::unique_ptr<core::SelectionPolicy> longest_running_migration(const core::PolicyConfig& config);
std::unique_ptr<core::SelectionPolicy> worth_moving_migration(const core::PolicyConfig& config);

std::unique_ptr<core::LocationPolicy> random_location(const core::PolicyConfig& config);
std::unique_ptr<core::LocationPolicy> threshold_location(const core::PolicyConfig& config);
std::unique_ptr<core::LocationPolicy> shortest_location(const core::PolicyConfig& config);
std::unique_ptr<core::LocationPolicy> receiver_location(const core::PolicyConfig& config);
std::unique_ptr<core::LocationPolicy> symmetric_location(const core::PolicyConfig& config);
std::unique_ptr<core::LocationPolicy> adaptive_location(const core::PolicyConfig& config);
std::unique_ptr<core::LocationPolicy> push_location(const core::PolicyConfig& config);
std::unique_ptr<core::LocationPolicy> pull_location(const core::PolicyConfig& config);
std::unique_ptr<core::LocationPolicy> late_binding_location(const core::PolicyConfig& config);
std::unique_ptr<core::LocationPolicy> best_location(const core::PolicyConfig& config);

std::unique_ptr<core::InformationPolicy> on_demand_information(const core::PolicyConfig& config);
std::unique_ptr<core::InformationPolicy> piggyback_information(const core::PolicyConfig& config);
std::unique_ptr<core::InformationPolicy> periodic_information(const core::PolicyConfig& config);

}  // namespace policies
