// Probing one random peer after another until one will do: Eager, Lazowska and Zahorjan's Threshold
// rule, in either role, and its parts.
#pragma once

#include <optional>

#include "core/policy.h"

namespace policies {

// The role that a search in `role` looks for: a sender wants a receiver, a receiver a sender.
core::Role wanted(core::Role role);

// The first of the probed peers that answered that it will do: to a sender that it is a receiver,
// to a receiver that it is a sender with a task that may move. None that vetoed, stayed silent,
// refused since or is gone.
std::optional<core::PeerId> first_willing(const core::View& view, const core::Search& search);

// False if fresh knowledge says that the peer has not the wanted role. Knowledge only prunes:
// whether a peer will do is for its answer to say.
bool might_have_role(const core::View& view, core::PeerId peer, core::Role role);

// Chooses the first willing peer, else probes a random one that might be, gives up at the limit.
core::Step first_fit(const core::View& view, const core::Search& search, core::Rng& rng);

}  // namespace policies
