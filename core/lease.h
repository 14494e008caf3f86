// Leases: how a task can be begun anew when its owner is gone, and never run twice at once.
//
// A task that was submitted with `restarts` may run at an owner that is not its home node only as
// long as that owner holds a lease, which the home node grants for one epoch:
//
//     owner                              home node
//     LeaseAsk{task, epoch}        ->    the epoch is the record's: granted from now on
//                                  <-    LeaseReply; refused if the epoch is outdated
//
// The owner counts from when it asked, and stops a margin earlier; the home node counts from when
// it granted. So the owner's lease has run out before the home node's, if no clock gains a margin
// on the other within a lease. Both are monotonic and need not agree on anything else.
//
// An owner whose lease runs out freezes the process, or does not start it, and goes on asking; the
// slot is given free, since that may take for ever. The home node that is sure of the owner's
// absence waits until the lease has run out, and begins the task anew at an epoch that no handoff
// between earlier owners can reach. Whoever has it then is refused, and ends its copy. A home node
// that restarts takes all leases for granted just now.
//
// RestartTask makes the new stay's files. If power fails between its record and that, whoever keeps
// the files makes them at the next start: the journal holds the stay, and what is kept at epoch 0.
#pragma once

#include "core/types.h"

namespace core {

// What clocks may differ by within a lease, with the time that freezing takes.
constexpr Duration lease_margin(Duration lease) {
  return lease / 8;
}
constexpr Duration usable_lease(Duration lease) {
  return lease - lease_margin(lease);
}
constexpr Duration lease_renewal(Duration lease) {
  return lease / 3;
}

}  // namespace core
