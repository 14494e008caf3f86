#include "policies/wishes.h"

#include "policies/draw.h"
#include "policies/first_fit.h"

namespace policies {
namespace {

// How many handoffs' time a task must run for its turn to be worth holding a slot: the slot stands
// idle meanwhile, and at high load each per cent of capacity counts.
constexpr core::Duration kWorth = 1000;

// Those that were chosen right away are no probes.
std::size_t probed_so_far(const core::View& view, const core::Search& search) {
  return view.limits.probe_limit - search.probes_left;
}

}  // namespace

std::optional<core::PeerId> first_wish(const core::View& view, const core::Search& search) {
  for (const core::Wish& wish : view.wishes) {
    if (wish.role == wanted(search.role) && !search.asked(wish.peer) && is_present(view, wish.peer))
      return wish.peer;
  }
  return std::nullopt;
}

std::optional<core::PeerId> older_wish(const core::View& view, const core::Task& next) {
  if (view.handoff_time < 0 || view.handoff_time * kWorth > view.run_time) return std::nullopt;
  for (const core::Wish& wish : view.wishes) {
    if (view.now - wish.since <= next.age(view.now)) return std::nullopt;
    if (wish.role == core::Role::sender && is_present(view, wish.peer)) return wish.peer;
  }
  return std::nullopt;
}

std::optional<core::PeerId> first_referral(const core::View& view, const core::Search& search) {
  for (const core::Probed& probed : search.probed) {
    if (is_present(view, probed.referral) && !search.asked(probed.referral)) return probed.referral;
  }
  return std::nullopt;
}

core::Step ask_and_remain(const core::View& view, const core::Search& search, core::Rng& rng,
                          std::size_t probes) {
  if (const auto peer = first_willing(view, search)) return core::ChoosePeer{*peer};
  if (const auto peer = first_referral(view, search)) return core::ChoosePeer{*peer};
  if (const auto peer = first_wish(view, search)) return core::ChoosePeer{*peer};
  if (search.probes_left == 0 || probed_so_far(view, search) >= probes) return core::GiveUp{};
  const auto drawn = draw(view, search, rng, [&](core::PeerId peer) {
    return might_have_role(view, peer, wanted(search.role));
  });
  if (drawn) return core::ProbePeer{*drawn, true};
  return core::GiveUp{};
}

}  // namespace policies
