// All policies by name, and the presets made of them. Adding a policy: one file, one row here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/policy.h"

namespace policies {

// The names that PolicyConfig's fields may hold.
std::vector<std::string> transfer_names();
std::vector<std::string> selection_names();
std::vector<std::string> migration_names();
std::vector<std::string> location_names();
std::vector<std::string> information_names();

// What is wrong with the configuration, in one line that says what is allowed; nullopt if it is
// good.
std::optional<std::string> check(const core::PolicyConfig& config);

// Requires that check() finds nothing wrong.
core::PolicySet make_policies(const core::PolicyConfig& config);

std::vector<std::string> preset_names();
// The preset's four policies with the default thresholds; nullopt if there is no such preset.
std::optional<core::PolicyConfig> preset(const std::string& name);

}  // namespace policies
