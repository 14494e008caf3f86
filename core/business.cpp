// Whom a peer deals with. Where its view is bounded they may be outside it, and must be found,
// heard and mourned all the same as long as the business lasts.
#include <algorithm>

#include "core/node_impl.h"

namespace core {

// A message may begin business with its sender, or with somebody whom it names.
void Node::Impl::introduce(const MessageReceived& event) {
  if (context.config->membership.view == 0) return;
  const PeerId from = event.header.from;
  membership.heard(from, event.from_endpoint, event.header.incarnation);
  if (const auto* offer = std::get_if<Offer>(&event.message)) {
    membership.meet(from, event.from_endpoint, event.header.incarnation);
    membership.meet(offer->task.home, offer->home, 0);
  }
  const auto* probe = std::get_if<Probe>(&event.message);
  const bool is_kept =
      probe != nullptr && (probe->leaves_wish || policies.location->has_acquaintances());
  if (std::holds_alternative<Request>(event.message) || is_kept)
    membership.meet(from, event.from_endpoint, event.header.incarnation);
  if (const auto* reply = std::get_if<ProbeReply>(&event.message))
    membership.meet(reply->referral, reply->referral_endpoint, 0);
  if (std::holds_alternative<LeaseAsk>(event.message))
    membership.meet(from, event.from_endpoint, event.header.incarnation);
  const auto* report = std::get_if<TaskReport>(&event.message);
  if (report == nullptr || report->task.home != context.self.id) return;
  membership.meet(from, event.from_endpoint, event.header.incarnation);
  membership.meet(report->owner, report->owner_endpoint, 0);
}

// A wish that nobody used in its time is no business any more.
std::vector<PeerId> Node::Impl::business() {
  wishes.expire(context.now - context.config->limits.wish_timeout);
  std::vector<PeerId> peers;
  peers.reserve(16);
  for (const auto& [arrival, task] : tasks.all()) peers.push_back(task.id.home);
  for (const auto& [task, outgoing] : outgoings.all()) {
    peers.push_back(outgoing.peer);
    peers.push_back(task.home);
  }
  for (const auto& [task, incoming] : incomings.all()) {
    peers.push_back(incoming.peer);
    peers.push_back(task.home);
  }
  wishes.peers(peers);
  searches.partners(peers);
  reports.homes(peers);
  home.owners(peers);
  policies.location->acquaintances(peers);
  std::sort(peers.begin(), peers.end());
  peers.erase(std::unique(peers.begin(), peers.end()), peers.end());
  return peers;
}

}  // namespace core
