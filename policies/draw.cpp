#include "policies/draw.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/by_id.h"

namespace policies {
namespace {

// As a rule few of many peers have been asked, and one of the first draws hits.
constexpr int kBlindDraws = 8;

}  // namespace

bool is_present(const core::View& view, core::PeerId peer) {
  return core::find_by_id(view.peers, peer) != nullptr ||
         core::find_by_id(view.contacts, peer) != nullptr;
}

std::optional<core::PeerId> draw(const core::View& view, const core::Search& search, core::Rng& rng,
                                 const std::function<bool(core::PeerId)>& might_do) {
  if (view.peers.empty()) return std::nullopt;
  const auto eligible = [&](core::PeerId peer) { return !search.asked(peer) && might_do(peer); };

  for (int i = 0; i < kBlindDraws; ++i) {
    const std::uint64_t index = rng.below(view.peers.size());
    const core::PeerId peer = view.peers[static_cast<std::size_t>(index)].id;
    if (eligible(peer)) return peer;
  }
  std::vector<core::PeerId> left;
  for (const core::PeerInfo& peer : view.peers) {
    if (eligible(peer.id)) left.push_back(peer.id);
  }
  if (left.empty()) return std::nullopt;
  const std::uint64_t index = rng.below(left.size());
  return left[static_cast<std::size_t>(index)];
}

}  // namespace policies
