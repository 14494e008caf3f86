// Late binding and parked requests, as location policies use them.
#pragma once

#include <optional>

#include "core/policy.h"

namespace policies {

// Whoever asked longest ago as what this search looks for, and was not asked in it.
std::optional<core::PeerId> first_wish(const core::View& view, const core::Search& search);

// Whoever announced a task here before `next` came; nobody where waiting for it would cost the free
// slot more than a little of a task's run.
std::optional<core::PeerId> older_wish(const core::View& view, const core::Task& next);

// Whom one of the probed peers named.
std::optional<core::PeerId> first_referral(const core::View& view, const core::Search& search);

// Chooses the first willing peer, referral or wish; else probes a random peer and
// leaves a wish with it, up to `probes` in this search.
core::Step ask_and_remain(const core::View& view, const core::Search& search, core::Rng& rng,
                          std::size_t probes);

}  // namespace policies
