// Every event and action as one line of words: the simulator's transcripts and the daemon's debug
// log.
#pragma once

#include <string>

#include "core/action.h"
#include "core/event.h"
#include "core/trace.h"

namespace core {

std::string describe(const Message& message, const Names& names);
std::string describe(const Event& event, const Names& names);
std::string describe(const Action& action, const Names& names);
const char* record_name(Persist::What what);  // "submitted", "handed_off", ...

// The task that an action concerns: whose `explain` shows it. An empty id where there is none.
TaskId subject(const Action& action);

}  // namespace core
