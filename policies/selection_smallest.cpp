// The task whose move transfers least; among equals the one that came first.
#include "policies/factories.h"

namespace policies {
namespace {

class Smallest final : public core::SelectionPolicy {
 public:
  std::optional<core::TaskId> select(const core::View& view,
                                     core::PeerId /*receiver*/) const override {
    const core::Task* smallest = nullptr;
    for (const auto& [arrival, task] : view.tasks.all()) {
      const bool smaller = !smallest || task.needs.bundle_bytes < smallest->needs.bundle_bytes;
      if (smaller && !task.has_process() && view.movable(task)) smallest = &task;
    }
    if (!smallest) return std::nullopt;
    return smallest->id;
  }
};

}  // namespace

std::unique_ptr<core::SelectionPolicy> smallest_selection(const core::PolicyConfig& /*config*/) {
  return std::make_unique<Smallest>();
}

}  // namespace policies
