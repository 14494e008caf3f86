// What a driver may perform of a batch of actions, and what has to wait because the journal cannot
// be written: a full disk, say.
//
// Then nothing is told, started or thrown away that depends on a record. Membership goes on, or the
// peer would be taken for dead, with all its tasks; but nobody takes leave in order. Other messages
// are as good as lost: whatever matters in them is repeated. All else is kept, in order, until the
// records are on disk; to the node that is a driver, and a network, that take their time.
#pragma once

#include <functional>
#include <vector>

#include "core/action.h"

namespace core {

class Outbox {
 public:
  // Writes all records, in order, in one transaction. False if none could be written.
  using Commit = std::function<bool(const std::vector<Persist>&)>;

  // What may be performed now, in order. Records of earlier batches that are not written yet are
  // tried again together with this one's.
  Actions release(Actions batch, const Commit& commit);
  // Something waits. A driver that sees it tries again, with an empty batch, about every second,
  // and lets no new work in.
  bool holds() const { return !held_.empty(); }

 private:
  Actions held_;
};

}  // namespace core
