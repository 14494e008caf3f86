// One threshold T that grows where tasks take long to come. A peer that asks for a task when it has
// fallen idle stays idle until the task is there, and the less idle time there is at all, the more
// that costs. So a peer fetches one task ahead (2 T) where a handoff takes so long, against what
// tasks run, that it is one and a half times the share of idle time; and one task more for every
// further factor of four. Where moves take no time this is `threshold`. The figures are from
// simulations of 40 peers at loads from 0.8 to 0.95 and delays from 0.01 to 1 service time.
#include <algorithm>

#include "policies/factories.h"

namespace policies {
namespace {

constexpr std::int64_t kFirst = 1500;  // thousandths of (handoff time / run time) / idle share
constexpr std::int64_t kFactor = 4;
constexpr int kMostAhead = 3;
constexpr std::int32_t kLeastIdle = 10;  // thousandths: below it all peers are as good as full

class Lookahead final : public core::TransferPolicy {
 public:
  explicit Lookahead(core::Load threshold) : threshold_(threshold) {}

  core::Role classify(const core::View& view) const override {
    const core::Load limit = raised(view);
    return view.role_between(limit, limit);
  }

  core::Load reference(const core::View& view, core::Role /*role*/) const override {
    return raised(view);
  }

 private:
  core::Load raised(const core::View& view) const {
    if (view.handoff_time <= 0 || view.run_time <= 0 || view.idle_thousandths < 0)
      return threshold_;
    const std::int64_t idle = std::max(view.idle_thousandths, kLeastIdle);
    int ahead = 0;
    // handoff / run / idle share, in thousandths: dividing twice keeps it small.
    std::int64_t urgency = view.handoff_time * 1000 / view.run_time * 1000 / idle;
    for (; ahead < kMostAhead && urgency >= kFirst; urgency /= kFactor) ++ahead;
    return std::min(core::kMaxLoad, threshold_ * (1 + ahead));
  }

  core::Load threshold_;
};

}  // namespace

std::unique_ptr<core::TransferPolicy> lookahead_transfer(const core::PolicyConfig& config) {
  return std::make_unique<Lookahead>(config.threshold);
}

}  // namespace policies
