// What becomes of datagrams and streams on their way: delay, loss, duplication, reordering and
// partitions. All chance comes from one seed.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/rng.h"
#include "core/types.h"

namespace sim {

using NodeIndex = std::uint32_t;
constexpr NodeIndex kNobody = UINT32_MAX;

struct Link {
  core::Duration delay_min = 100;  // one way, uniform up to and including delay_max
  core::Duration delay_max = 300;
  std::uint32_t loss_thousandths = 0;
  std::uint32_t duplication_thousandths = 0;
  std::uint32_t reorder_thousandths = 0;  // how many are held up by up to reorder_delay on top
  core::Duration reorder_delay = 50 * core::kMillisecond;
  std::uint32_t stream_failure_thousandths = 0;  // transfers that break
  core::Duration stream_latency = core::kMillisecond;
  std::uint64_t stream_bytes_per_second = 100'000'000;
};

// The copies of one datagram that arrive, each after its own delay.
struct Fate {
  std::uint32_t copies = 0;
  std::array<core::Duration, 2> delays{};
};

class Network {
 public:
  static constexpr std::uint32_t kSides = 64;

  Network(const Link& link, std::uint64_t seed) : link_(link), rng_(seed) {}

  const Link& link() const { return link_; }
  void change(const Link& link) { link_ = link; }

  // Every node is on side 0 until it is placed elsewhere. What goes from one side to another may be
  // blocked, each way for itself.
  void place(NodeIndex node, std::uint32_t side);
  void block(std::uint32_t from_side, std::uint32_t to_side);
  void split(std::uint32_t side, std::uint32_t other_side);
  void heal();
  bool open(NodeIndex from, NodeIndex to) const;

  Fate datagram(NodeIndex from, NodeIndex to);
  core::Duration transfer_time(std::uint64_t bytes) const;
  // Draws: does a stream between the two break, now that it would be complete?
  bool stream_breaks(NodeIndex from, NodeIndex to);

 private:
  std::uint32_t side_of(NodeIndex node) const;
  bool happens(std::uint32_t thousandths);
  core::Duration up_to(core::Duration most);

  Link link_;
  core::Rng rng_;
  std::vector<std::uint8_t> sides_;
  std::array<std::uint64_t, kSides> blocked_{};  // by the sender's side, a bit for each receiver's
};

}  // namespace sim
