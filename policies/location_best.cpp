// Late binding, parked requests and referrals from both sides, with a probe budget that follows the
// load. Where most peers are idle a sender finds one at once and a receiver asks in vain; where
// most are busy it is the other way round. So the share of busy peers among those that answered
// lately says how many of the probes a receiver may use, and a sender goes without as many for it.
#include <algorithm>
#include <cstdint>

#include "policies/factories.h"
#include "policies/wishes.h"

namespace policies {
namespace {

// The share moves by 1/16 of the difference with each answer: some ten answers are remembered.
constexpr std::int32_t kGain = 16;
constexpr std::int32_t kAll = 1 << 16;

class Best final : public core::LocationPolicy {
 public:
  core::Step next(const core::View& view, const core::Search& search, core::Rng& rng) override {
    if (!initiates(search.role)) return core::GiveUp{};
    if (!search.probed.empty()) take_note(search.probed.back());
    // What was left behind still holds; asking again would only repeat it.
    if (search.role == core::Role::receiver && search.probed.empty() && view.parked)
      return core::GiveUp{};
    return ask_and_remain(view, search, rng, probes(search.role, view.limits.probe_limit));
  }

  bool initiates(core::Role role) const override { return role != core::Role::ok; }

  std::optional<core::PeerId> yields_to(const core::View& view,
                                        const core::Task& next) const override {
    return older_wish(view, next);
  }

  bool admits(const core::View& view, core::Load /*source_load*/) const override {
    return view.role == core::Role::receiver;
  }

 private:
  // A receiver: the share's square of all; a sender: half as many less than all.
  std::uint32_t probes(core::Role role, std::uint32_t limit) const {
    const auto share = static_cast<std::uint64_t>(busy_share_);
    const auto pull =
        static_cast<std::uint32_t>((share * share * limit + (std::uint64_t{1} << 31)) >> 32);
    return role == core::Role::receiver ? pull : std::max(1u, limit - pull / 2);
  }

  void take_note(const core::Probed& last) {
    if (last.state != core::Probed::State::answered) return;
    const std::int32_t seen = last.role == core::Role::receiver ? 0 : kAll;
    busy_share_ += (seen - busy_share_) / kGain;
  }

  std::int32_t busy_share_ = kAll / 2;
};

}  // namespace

std::unique_ptr<core::LocationPolicy> best_location(const core::PolicyConfig& /*config*/) {
  return std::make_unique<Best>();
}

}  // namespace policies
