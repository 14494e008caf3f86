// What the parts of a node share: who it is, the time of the step, chance, deadlines, peers, and
// the actions of the step so far.
#pragma once

#include <memory>
#include <optional>
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
  std::shared_ptr<const Config> config;  // as a rule many nodes of a world have the same one
  Rng rng;
  Time now = 0;
  Timers timers{};
  PeerTable peers{};
  std::shared_ptr<Counters> counted_in = std::make_shared<Counters>();
  Counters& counters = *counted_in;
  Actions actions{};
  bool draining = false;
  // Whose message this step is about, and where it came from; none in other steps.
  PeerId sender = PeerId::none;
  Endpoint sender_endpoint{};
  Sabotage sabotage = Sabotage::none;

  bool sabotaged(Sabotage bug) const { return kSabotagePossible && sabotage == bug; }

  template <typename One>
  void act(One&& action) {
    actions.emplace_back(std::forward<One>(action));
  }

  void trace(What what, TaskId task = {}, PeerId peer = PeerId::none, std::int64_t a = 0,
             std::int64_t b = 0, std::int64_t c = 0) {
    ++counters.whats[static_cast<std::size_t>(what)];
    act(Trace{what, task, peer, a, b, c});
  }

  // To a peer in the table or to who has just spoken; silently nowhere if it has been forgotten or
  // not been heard of since the restart, as a lost datagram.
  template <typename One>
  void send(PeerId to, One&& message) {
    if (const auto endpoint = endpoint_of(to)) send_to(to, *endpoint, std::forward<One>(message));
  }

  std::optional<Endpoint> endpoint_of(PeerId peer) const {
    const Member* member = peers.find(peer);
    if (member != nullptr && member->endpoint) return member->endpoint;
    if (peer == sender) return sender_endpoint;
    return std::nullopt;
  }

  // The node completes the header when the step ends.
  template <typename One>
  void send_to(PeerId to, const Endpoint& endpoint, One&& message) {
    Send send{to, endpoint, Header{}, std::forward<One>(message)};
    ++counters.messages_sent[send.message.index()];
    act(std::move(send));
  }

  void persist(Persist record) {
    record.at = now;
    act(record);
  }
};

}  // namespace core
