// The task that came first: whoever has waited longest gets a free place first.
#include "policies/factories.h"

namespace policies {
namespace {

class OldestWaiting final : public core::SelectionPolicy {
 public:
  std::optional<core::TaskId> select(const core::View& view,
                                     core::PeerId /*receiver*/) const override {
    for (const auto& [arrival, task] : view.tasks.all()) {
      if (!task.has_process() && view.movable(task)) return task.id;
    }
    return std::nullopt;
  }
};

}  // namespace

std::unique_ptr<core::SelectionPolicy> oldest_waiting_selection(
    const core::PolicyConfig& /*config*/) {
  return std::make_unique<OldestWaiting>();
}

}  // namespace policies
