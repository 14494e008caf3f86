// Where a test wants a daemon to stand still: one of a build with tests that is started with
// PEERD_STOP_AT=STEP in its environment stops itself (SIGSTOP) the first time that it comes there.
// In other builds this is nothing.
//
// STEP: "received grant" before a message (core/message.h) is heeded, "sent offer" after it is on
// its way, "committed handed_off" once a record (core::Persist) is in the journal and before
// anything is done of it; "sent bundle", "received bundle" and, of a task that runs, "dumped",
// "sent image", "received image", "restored".
#pragma once

#include <string_view>

namespace peerd {

#ifdef PEERD_STOP_POINTS
void stop_point(std::string_view done, std::string_view what = {});
#else
inline void stop_point(std::string_view, std::string_view = {}) {}
#endif

}  // namespace peerd
