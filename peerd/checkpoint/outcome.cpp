#include "peerd/checkpoint/outcome.h"

#include <algorithm>
#include <sstream>

namespace peerd {
namespace {

constexpr std::string_view kTag = "peerd-task-1";
constexpr std::size_t kMaxMessageBytes = 3000;

}  // namespace

std::string to_line(const Outcome& outcome) {
  std::string message = outcome.message.substr(0, kMaxMessageBytes);
  std::replace(message.begin(), message.end(), '\n', ' ');
  std::ostringstream line;
  line << kTag << ' ' << static_cast<int>(outcome.kind) << ' ' << outcome.init << ' '
       << static_cast<int>(outcome.status.kind) << ' ' << outcome.status.value << ' '
       << outcome.criu_us << ' ' << outcome.total_us << ' ' << outcome.bytes << ' '
       << outcome.packed_bytes << ' ' << message;
  return line.str();
}

std::optional<Outcome> outcome_from(std::string_view line) {
  std::istringstream fields{std::string(line)};
  Outcome outcome;
  std::string tag;
  int kind = 0;
  int status = 0;
  fields >> tag >> kind >> outcome.init >> status >> outcome.status.value >> outcome.criu_us >>
      outcome.total_us >> outcome.bytes >> outcome.packed_bytes;
  if (!fields || tag != kTag || kind < 0 || kind > static_cast<int>(Outcome::Kind::not_movable) ||
      status < 0 || status > static_cast<int>(core::ExitStatus::Kind::lost))
    return std::nullopt;
  outcome.kind = static_cast<Outcome::Kind>(kind);
  outcome.status.kind = static_cast<core::ExitStatus::Kind>(status);
  fields.get();
  std::getline(fields, outcome.message);
  return outcome;
}

}  // namespace peerd
