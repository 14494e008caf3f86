// What the parts of a node share: who it is, the time of the step, chance, deadlines, peers, and
// the actions of the step so far.
#pragma once

#include <utility>
#include <vector>

#include "core/action.h"
#include "core/config.h"
#include "core/identity.h"
#include "core/peer_table.h"
#include "core/rng.h"
#include "core/sabotage.h"
#include "core/timers.h"
#include "core/trace.h"

namespace core {

struct Context {
  Identity self;
  Config config;
  Rng rng;
  Time now = 0;
  Timers timers{};
  PeerTable peers{};
  Counters counters{};
  Actions actions{};
  bool draining = false;
  Sabotage sabotage = Sabotage::none;

  bool sabotaged(Sabotage bug) const { return kSabotagePossible && sabotage == bug; }

  void act(Action action) { actions.push_back(std::move(action)); }

  void trace(What what, TaskId task = {}, PeerId peer = PeerId::none, std::int64_t a = 0,
             std::int64_t b = 0, std::int64_t c = 0) {
    ++counters.whats[static_cast<std::size_t>(what)];
    act(Trace{what, task, peer, a, b, c});
  }

  // To a peer in the table; silently nowhere if it has been forgotten or not been heard of since
  // the restart, as a lost datagram.
  void send(PeerId to, Message message) {
    const Member* member = peers.find(to);
    if (member != nullptr && member->endpoint) send_to(to, member->endpoint, std::move(message));
  }

  // The node completes the header when the step ends.
  void send_to(PeerId to, const Endpoint& endpoint, Message message) {
    ++counters.messages_sent[message.index()];
    act(Send{to, endpoint, Header{}, std::move(message)});
  }

  void persist(const Persist& record) { act(record); }
};

}  // namespace core
