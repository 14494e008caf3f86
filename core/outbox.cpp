#include "core/outbox.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>
#include <variant>

namespace core {
namespace {

bool is_membership(const Message& message) {
  return std::visit([](const auto& one) { return kIsMembership<std::decay_t<decltype(one)>>; },
                    message);
}

bool leaves_in_order(const Actions& batch) {
  return std::any_of(batch.begin(), batch.end(), [](const Action& action) {
    const auto* drained = std::get_if<Drained>(&action);
    return drained != nullptr && drained->in_order;
  });
}

enum class Fate : std::uint8_t { released, held, lost };

Fate fate_of(const Action& action) {
  if (const auto* drained = std::get_if<Drained>(&action))
    return drained->in_order ? Fate::held : Fate::released;
  const auto* send = std::get_if<Send>(&action);
  if (send == nullptr) return Fate::held;
  return is_membership(send->message) ? Fate::released : Fate::lost;
}

}  // namespace

Actions Outbox::release(Actions batch, const Commit& commit) {
  std::vector<Persist> records;
  for (const Actions* actions : {&held_, &batch})
    for (const Action& action : *actions)
      if (const auto* record = std::get_if<Persist>(&action)) records.push_back(*record);
  if (records.empty()) return batch;  // among what is held there is one
  Actions released;
  if (commit(records)) {
    released = std::exchange(held_, {});
    released.insert(released.end(), std::make_move_iterator(batch.begin()),
                    std::make_move_iterator(batch.end()));
    return released;
  }
  const bool leaves = leaves_in_order(batch);
  for (Action& action : batch) {
    const Fate fate = leaves ? Fate::held : fate_of(action);
    if (fate == Fate::held) held_.push_back(std::move(action));
    if (fate == Fate::released) released.push_back(std::move(action));
  }
  return released;
}

}  // namespace core
