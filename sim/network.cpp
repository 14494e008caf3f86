#include "sim/network.h"

#include <cassert>

namespace sim {

void Network::place(NodeIndex node, std::uint32_t side) {
  assert(side < kSides);
  if (node >= sides_.size()) sides_.resize(node + 1);
  sides_[node] = static_cast<std::uint8_t>(side);
}

void Network::block(std::uint32_t from_side, std::uint32_t to_side) {
  assert(from_side < kSides && to_side < kSides);
  blocked_[from_side] |= std::uint64_t{1} << to_side;
}

void Network::split(std::uint32_t side, std::uint32_t other_side) {
  block(side, other_side);
  block(other_side, side);
}

void Network::heal() {
  blocked_.fill(0);
}

bool Network::open(NodeIndex from, NodeIndex to) const {
  return (blocked_[side_of(from)] >> side_of(to) & 1) == 0;
}

Fate Network::datagram(NodeIndex from, NodeIndex to) {
  Fate fate;
  if (!open(from, to) || happens(link_.loss_thousandths)) return fate;
  fate.copies = happens(link_.duplication_thousandths) ? 2 : 1;
  for (std::uint32_t copy = 0; copy < fate.copies; ++copy) {
    core::Duration& delay = fate.delays[copy];
    delay = link_.delay_min + up_to(link_.delay_max - link_.delay_min);
    if (happens(link_.reorder_thousandths)) delay += up_to(link_.reorder_delay);
  }
  return fate;
}

core::Duration Network::transfer_time(std::uint64_t bytes) const {
  const std::uint64_t micros = bytes * core::kSecond / link_.stream_bytes_per_second;
  return link_.stream_latency + static_cast<core::Duration>(micros);
}

bool Network::stream_breaks(NodeIndex from, NodeIndex to) {
  return !open(from, to) || !open(to, from) || happens(link_.stream_failure_thousandths);
}

std::uint32_t Network::side_of(NodeIndex node) const {
  return node < sides_.size() ? sides_[node] : 0;
}

bool Network::happens(std::uint32_t thousandths) {
  return thousandths > 0 && rng_.below(1000) < thousandths;
}

core::Duration Network::up_to(core::Duration most) {
  return most <= 0 ? 0
                   : static_cast<core::Duration>(rng_.below(static_cast<std::uint64_t>(most) + 1));
}

}  // namespace sim
