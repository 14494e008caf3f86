// The textbook's sender-initiated rule: probe up to the limit at random, stop early at an idle
// peer, else take the shortest queue; move the task only if that queue is shorter than the own one
// without the task (SQ > RQ).
#include "policies/draw.h"
#include "policies/factories.h"

namespace policies {
namespace {

// SQ: the arrived task is in the queue already.
core::Load load_without_task(const core::View& view) {
  return view.load - view.task_load;
}

// False if fresh knowledge says that the peer's queue is no shorter.
bool might_be_shorter(const core::View& view, core::PeerId peer) {
  const core::PeerInfo* known = view.fresh(peer);
  return !known || known->load < load_without_task(view);
}

// The shortest queue among the willing; the first asked among equals.
const core::Probed* shortest(const core::View& view, const core::Search& search) {
  const core::Probed* best = nullptr;
  for (const core::Probed& probed : search.probed) {
    const bool willing =
        probed.state == core::Probed::State::answered && probed.veto == core::Veto::none;
    if (!willing || !is_present(view, probed.peer)) continue;
    if (!best || probed.load < best->load) best = &probed;
  }
  return best;
}

class Shortest final : public core::LocationPolicy {
 public:
  // A chosen peer that refuses drops out, and the round goes on as if it had not been there.
  core::Step next(const core::View& view, const core::Search& search, core::Rng& rng) override {
    if (!initiates(search.role)) return core::GiveUp{};
    const core::Probed* best = shortest(view, search);
    const bool idle_found = best && best->load == 0;
    if (!idle_found && search.probes_left > 0) {
      const auto drawn = draw(view, search, rng,
                              [&view](core::PeerId peer) { return might_be_shorter(view, peer); });
      if (drawn) return core::ProbePeer{*drawn};
    }
    if (best && load_without_task(view) > best->load) return core::ChoosePeer{best->peer};
    return core::GiveUp{};
  }

  bool initiates(core::Role role) const override { return role == core::Role::sender; }

  bool admits(const core::View& view, core::Load source_load) const override {
    return view.load < source_load;
  }
};

}  // namespace

std::unique_ptr<core::LocationPolicy> shortest_location(const core::PolicyConfig& /*config*/) {
  return std::make_unique<Shortest>();
}

}  // namespace policies
