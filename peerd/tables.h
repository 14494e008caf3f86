// The daemon's state as rows for peerctl.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/control_frame.h"
#include "peerd/driver.h"

namespace peerd {

// `all`: ended tasks too. Tasks of this home first, then guests.
std::vector<net::TaskRow> task_rows(const Driver& driver, bool all);
std::vector<net::PeerRow> peer_rows(const Driver& driver);
std::vector<net::StatRow> stat_rows(const Driver& driver);

// What there is to say of a task's end beyond its status.
std::string final_words(const Driver& driver, const core::HomeRecord& record);

// "17" (of this home) or "board1.17". Nullopt if it is neither or the name is unknown.
std::optional<core::TaskId> parse_task(const Driver& driver, const std::string& text);

}  // namespace peerd
