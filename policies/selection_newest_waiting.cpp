// The task that came last: it has waited least, so a move costs it least.
#include "policies/factories.h"

namespace policies {
namespace {

class NewestWaiting final : public core::SelectionPolicy {
 public:
  std::optional<core::TaskId> select(const core::View& view,
                                     core::PeerId /*receiver*/) const override {
    const auto& tasks = view.tasks.all();
    for (auto entry = tasks.rbegin(); entry != tasks.rend(); ++entry) {
      if (!entry->second.has_process() && view.movable(entry->second)) return entry->second.id;
    }
    return std::nullopt;
  }
};

}  // namespace

std::unique_ptr<core::SelectionPolicy> newest_waiting_selection(
    const core::PolicyConfig& /*config*/) {
  return std::make_unique<NewestWaiting>();
}

}  // namespace policies
