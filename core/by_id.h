// Finding a peer in a vector that is ordered by identity.
//
// Identities are drawn at random, so where one stands can be guessed from its value: the search
// gallops from there and touches one or two cache lines instead of a binary search's ten. With
// other identities it is a binary search again, at worst of twice the steps.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/types.h"

namespace core {

// The first element whose id is not less than the given one. Works as std::lower_bound.
template <typename Vector>
auto lower_bound_by_id(Vector& peers, PeerId id) {
  const auto less = [](const auto& peer, PeerId wanted) { return peer.id < wanted; };
  const std::size_t size = peers.size();
  const auto at = [&](std::size_t index) {
    return peers.begin() + static_cast<std::ptrdiff_t>(index);
  };
  std::size_t low = static_cast<std::size_t>(((value(id) >> 32) * size) >> 32);
  std::size_t high = low;  // everything before low is less, nothing from high on is
  std::size_t stride = 4;
  while (high < size && peers[high].id < id) {
    low = high + 1;
    high = std::min(size, high + stride);
    stride *= 2;
  }
  while (low > 0 && !(peers[low - 1].id < id)) {
    high = low - 1;
    low = low > stride ? low - stride : 0;
    stride *= 2;
  }
  return std::lower_bound(at(low), at(high), id, less);
}

// nullptr if there is none.
template <typename Vector>
auto find_by_id(Vector& peers, PeerId id) -> decltype(peers.data()) {
  const auto at = lower_bound_by_id(peers, id);
  return at == peers.end() || at->id != id ? nullptr : &*at;
}

}  // namespace core
