// What tasks started and a killed executor could not take along: only a task's first process dies
// with the executor. Every process of a task carries its peer's mark in its environment, by which
// the peer's next executor knows it; numbers of processes or sessions may be somebody else's by
// then.
#pragma once

#include <cstddef>
#include <string>

#include "core/types.h"

namespace peerd {

constexpr const char* kPeerVariable = "PEERD_PEER";
std::string peer_mark(core::PeerId self);

// Kills whatever bears the mark, and the sessions that it belongs to. Only while this peer has no
// task, and nobody else its identity. Returns how many processes there were. A process that has
// cleared its environment and is alone in a session of its own is not found, nor one of another
// user.
std::size_t end_orphans(core::PeerId self);

}  // namespace peerd
