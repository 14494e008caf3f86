#include "core/message.h"

#include <cassert>

namespace core {

const char* message_name(std::size_t index) {
  static constexpr const char* kNames[] = {
      "ping",       "ack",        "ping_request", "nack",          "join",
      "news",       "probe",      "probe_reply",  "load_report",   "request",
      "decline",    "offer",      "grant",        "reject",        "prepared",
      "commit",     "committed",  "abort",        "task_report",   "task_report_ack",
      "task_query", "cancel",     "shuffle",      "shuffle_reply", "withdraw",
      "lease_ask",  "lease_reply"};
  static_assert(std::size(kNames) == kMessages);
  assert(index < kMessages);
  return kNames[index];
}

}  // namespace core
