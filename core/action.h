// Everything a node asks of its driver. The driver commits the Persist records of a batch first and
// only then performs the rest, in order.
#pragma once

#include <variant>
#include <vector>

#include "core/message.h"
#include "core/trace.h"
#include "core/types.h"

namespace core {

struct Send {
  PeerId to = PeerId::none;  // none for a seed whose identity is not known yet
  Endpoint endpoint;
  Header header;
  Message message;
};

// The submitted task is in the queue and will be dealt with.
struct Accepted {
  TaskId task;
};

// The submitted task is not taken: its files can go.
struct Refused {
  TaskId task;
  Veto veto = Veto::none;
};

// From here on the stay's process runs: it is started or, if it has come along or has been frozen,
// goes on.
struct StartTask {
  TaskId task;
  Epoch epoch = 0;
  Time until = kNever;  // as in ExtendLease
};

// The running process may go on until then, by the clock of the steps. Whoever holds it freezes it
// by itself when that time has passed, even if the node that should say so hangs or is gone.
struct ExtendLease {
  TaskId task;
  Epoch epoch = 0;
  Time until = 0;
};

// Its lease has run out: not one instruction runs any more until StartTask, whatever else lets it
// go on (CancelBundle, say). DiscardTask ends it.
struct FreezeTask {
  TaskId task;
  Epoch epoch = 0;
};

// At the home node: the task is begun anew as a stay at this epoch, with what was kept of it since
// it was submitted (Journal::holds() at epoch 0); what it has printed meanwhile is void.
struct RestartTask {
  TaskId task;
  Epoch epoch = 0;
  PeerId gone = PeerId::none;  // who had it
};

// End the running process, politely first; the driver escalates. Answered by TaskExited.
struct StopTask {
  TaskId task;
};

// Stream the task's files to the peer. A running one is frozen first, and its image goes along; it
// stays frozen until CancelBundle, StartTask or DiscardTask. Answered by BundleSent.
struct SendBundle {
  TaskId task;
  Epoch epoch = 0;
  PeerId to = PeerId::none;
  Endpoint endpoint;
  bool running = false;
};

// A granted bundle will come from that peer: let it in, within `bytes`; restore a running task from
// its image, not one instruction of which may run before StartTask. Answered by BundleReceived.
struct ExpectBundle {
  TaskId task;
  Epoch epoch = 0;
  PeerId from = PeerId::none;
  std::uint64_t bytes = 0;
  bool running = false;
};

// The transfer is off: end the stream in either direction; a task that was frozen for it goes on.
// No answer is awaited.
struct CancelBundle {
  TaskId task;
  Epoch epoch = 0;
};

// Bring what the ended task left (rest of stdout and stderr, outputs, exit message) to its home
// node. Answered by ResultsSent. Where this peer is the home node, nothing travels but outputs are
// placed.
struct SendResults {
  TaskId task;
  Epoch epoch = 0;
  ExitStatus status;
  PeerId to = PeerId::none;
  Endpoint endpoint;
};

// This stay of the task is over: its frozen or restored process, if any, is ended, and its working
// files can go. It moved on, or its results are home. At epoch 0: what the home node has kept to
// begin it anew.
struct DiscardTask {
  TaskId task;
  Epoch epoch = 0;
};

// At the home node: the task's record changed (owner, state or end). See Node::record().
struct RecordChanged {
  TaskId task;
};

// At the home node: the record of a long-ended task is gone; so may its files be.
struct RecordForgotten {
  TaskId task;
};

// What must be on disk before any other action of the batch is performed: journal.h has the
// contract and what the records add up to.
struct Persist {
  enum class What : std::uint8_t {
    submitted,   // a task exists; home record and ownership begin
    offering,    // owner: it may be offered at epochs up to `epoch`
    started,     // owner: from here on there may be a process
    exited,      // owner: the task ended with `status`
    held,        // owner: its user wants it to stay (`held`), or not any more
    discarded,   // owner: the stay is over, its results are home
    prepared,    // destination: bundle on disk, outcome unknown
    aborted,     // destination: the prepared copy is void
    owned,       // destination: the task is this peer's at `epoch`
    handed_off,  // source: the task now belongs to `peer` at `epoch`
    settled,     // source: `peer` has it, and the home node knows
    moved,       // home: `peer` owns the task at `epoch`, again if it was taken for lost
    cancelling,  // home: its user wants it to end
    finished,    // home: the task ended with `status`, recorded once
    lost,        // home: its owner is gone, or does not know of it
    restarted,   // home: the task is begun anew here at `epoch`
    forgotten    // home: the record of an ended task can go
  };
  What what = What::submitted;
  TaskId task;
  Epoch epoch = 0;
  PeerId peer = PeerId::none;
  Time at = 0;  // of the step that it belongs to
  // When the task was submitted, by this peer's clock: prepared, owned, restarted.
  Time since = 0;
  Needs needs{};           // submitted, prepared, owned, restarted
  ExitStatus status{};     // exited, finished, lost
  std::uint32_t hops = 0;  // at that epoch: prepared, owned, handed_off, moved
  bool pinned = false;     // submitted, restarted
  bool running = false;    // its process comes along: prepared, owned
  bool held = false;       // held
  Duration ran = 0;        // its process, before: started, prepared, owned
};

// After DrainRequested, and the last action of the node: nothing is left here and nothing of this
// home is left elsewhere. Or, not `in_order`: it leaves at once, and whatever is left, or has not
// been written, is for its next life to deal with.
struct Drained {
  bool in_order = true;
};

// After EvacuateRequested: no task is here, and none that was is in doubt.
struct Emptied {};

// Trace: a decision in structured form; see trace.h.
using Action =
    std::variant<Persist, Send, Accepted, Refused, StartTask, ExtendLease, FreezeTask, StopTask,
                 SendBundle, ExpectBundle, CancelBundle, SendResults, DiscardTask, RestartTask,
                 RecordChanged, RecordForgotten, Drained, Emptied, Trace>;
using Actions = std::vector<Action>;

}  // namespace core
