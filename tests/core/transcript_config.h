// A node's configuration as scripts spell it: `preset=sender threshold=1 probe_limit=3`.
#pragma once

#include <map>
#include <string>

#include "core/config.h"

namespace core_test {

// Membership takes hours between its own messages, so that it does not clutter a transcript, and
// no search begins but on arrivals and departures.
core::Config quiet_config();

// Throws WordError where a key or a value is unknown.
void change(core::Config& config, const std::map<std::string, std::string>& options);

}  // namespace core_test
