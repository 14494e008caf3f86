// The task whose move gains most, if it gains anything: Harchol-Balter and Downey, "Exploiting
// process lifetime distributions for dynamic load balancing" (1997). A process that has run for T
// is expected to run for about T more. With n tasks here and m there, itself among them, the move
// spares it T * (n - m) / n of waiting for its turn, and costs it the time it is frozen:
//
//     "eligible if its age is at least its migration cost / (n - m)"
//
// Where memory is short the largest goes, whatever it costs: that is what it is about then.
#include <algorithm>

#include "core/by_id.h"
#include "policies/factories.h"

namespace policies {
namespace {

class WorthMoving final : public core::SelectionPolicy {
 public:
  std::optional<core::TaskId> select(const core::View& view, core::PeerId receiver) const override {
    const core::Task* best = nullptr;
    core::Duration most = 0;
    for (const auto& [arrival, task] : view.tasks.all()) {
      if (!task.has_process() || !view.movable(task)) continue;
      const core::Duration gain = view.memory_pressure
                                      ? 1 + static_cast<core::Duration>(task.resident_bytes >> 10)
                                      : gain_of(view, task, receiver);
      if (gain <= most) continue;
      best = &task;
      most = gain;
    }
    if (!best) return std::nullopt;
    return best->id;
  }

 private:
  // Before it is known who will take it: an idle peer.
  static core::Load load_there(const core::View& view, core::PeerId receiver) {
    const core::PeerInfo* there = core::find_by_id(view.peers, receiver);
    const bool known = there != nullptr && there->known_at >= 0;
    return (known ? there->load : 0) + view.task_load;
  }

  // Of its age so much more than is needed, in us; none or less: not eligible.
  static core::Duration gain_of(const core::View& view, const core::Task& task,
                                core::PeerId receiver) {
    const core::Duration fewer = view.load - load_there(view, receiver);  // thousandths
    if (fewer <= 0) return 0;
    const core::Duration cost = view.migration_cost.of(task.resident_bytes);
    return task.ran(view.now) - cost * 1000 / fewer;
  }
};

}  // namespace

std::unique_ptr<core::SelectionPolicy> worth_moving_migration(
    const core::PolicyConfig& /*config*/) {
  return std::make_unique<WorthMoving>();
}

}  // namespace policies
