// The random draw of a peer that location policies share.
#pragma once

#include <functional>
#include <optional>

#include "core/policy.h"

namespace policies {

// Is the peer among those that may be chosen? One that was probed may have gone since.
bool is_present(const core::View& view, core::PeerId peer);

// A peer drawn uniformly among those that were not asked in this search and for which `might_do`
// holds; nullopt if there is none. Requires that `might_do` does not depend on the order of calls.
std::optional<core::PeerId> draw(const core::View& view, const core::Search& search, core::Rng& rng,
                                 const std::function<bool(core::PeerId)>& might_do);

}  // namespace policies
