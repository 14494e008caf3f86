#include "sim/transcript.h"

#include <cstdio>
#include <utility>
#include <variant>

#include "core/describe.h"

namespace sim {
namespace {

std::string clock(core::Time now) {
  char text[32];
  std::snprintf(text, sizeof text, "%lld.%06lld ", static_cast<long long>(now / core::kSecond),
                static_cast<long long>(now % core::kSecond));
  return text;
}

}  // namespace

Transcript::Transcript(World& world, Keep keep) : keep_(keep) {
  const core::Names names = [&world](core::PeerId peer) { return world.name(peer); };
  world.watch([this, &world, names](const StepTaken& step) {
    const std::string opening = clock(step.now) + world.node(step.node).name;
    add(opening + " <- " + core::describe(step.event, names));
    std::size_t performed = 0;
    for (const core::Action& action : step.actions) {
      const bool is_record = std::holds_alternative<core::Persist>(action);
      const bool done = is_record ? step.committed : performed++ < step.performed;
      add(opening + (done ? " -> " : " -x ") + core::describe(action, names));
    }
  });
}

std::string Transcript::text() const {
  std::string text;
  for (const std::string& line : lines_) text += line + '\n';
  return text;
}

void Transcript::add(std::string line) {
  for (const char character : line) {
    hash_ ^= static_cast<std::uint8_t>(character);
    hash_ *= 0x100000001b3u;
  }
  if (keep_ == Keep::lines) lines_.push_back(std::move(line));
}

}  // namespace sim
