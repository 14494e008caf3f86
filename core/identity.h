// Who a peer is.
#pragma once

#include <string>

#include "core/types.h"

namespace core {

// `incarnation` must be larger than at any earlier start: first_incarnation(number of starts).
struct Identity {
  PeerId id = PeerId::none;
  std::string name;  // 1 ... kMaxNameBytes
  Endpoint endpoint;
  Incarnation incarnation = 0;
};

}  // namespace core
