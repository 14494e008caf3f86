#include "core/outbox.h"

#include <iterator>
#include <utility>
#include <variant>

namespace core {
namespace {

bool is_membership(const Message& message) {
  return std::visit([](const auto& one) { return kIsMembership<std::decay_t<decltype(one)>>; },
                    message);
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
  for (Action& action : batch) {
    const auto* send = std::get_if<Send>(&action);
    if (send == nullptr)
      held_.push_back(std::move(action));
    else if (is_membership(send->message))
      released.push_back(std::move(action));
  }
  return released;
}

}  // namespace core
