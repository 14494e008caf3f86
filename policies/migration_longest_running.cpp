// The task that has run longest: process lifetimes have heavy tails, so it is the one that may be
// expected to run longest from now on (Leland and Ott 1986).
#include "policies/factories.h"

namespace policies {
namespace {

class LongestRunning final : public core::SelectionPolicy {
 public:
  std::optional<core::TaskId> select(const core::View& view,
                                     core::PeerId /*receiver*/) const override {
    const core::Task* longest = nullptr;
    for (const auto& [arrival, task] : view.tasks.all()) {
      if (!task.has_process() || !view.movable(task)) continue;
      if (!longest || task.ran(view.now) > longest->ran(view.now)) longest = &task;
    }
    if (!longest) return std::nullopt;
    return longest->id;
  }
};

}  // namespace

std::unique_ptr<core::SelectionPolicy> longest_running_migration(
    const core::PolicyConfig& /*config*/) {
  return std::make_unique<LongestRunning>();
}

}  // namespace policies
