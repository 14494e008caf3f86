// The four policies of the textbook as interfaces, and what they see: a const View and chance.
//
// A policy never sees a socket, a clock or another policy. Limits (probes per search, moves per
// task, residence, transfers at once) are enforced by the core alone. To add a policy: one file in
// policies/ and one row in its registry.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "core/config.h"
#include "core/rng.h"
#include "core/task.h"
#include "core/types.h"
#include "core/wishes.h"

namespace core {

// What is known of another peer. Only peers that may be asked are ever shown to a policy: alive (or
// suspected, not yet declared dead), not draining, never oneself.
struct PeerInfo {
  PeerId id = PeerId::none;
  Load load = 0;
  Role role = Role::ok;
  Time known_at = -1;  // when load was learned; -1: never
};

enum class Movability : std::uint8_t {
  movable,
  not_waiting,  // and not running where running tasks could move
  pinned,
  held,
  process,  // it cannot be frozen and restored elsewhere
  sought,   // a search looks for a place already, or has left word of it
  hop_limit,
  residence
};

// What moving a running task takes, from the decision until it goes on elsewhere, as learned from
// those that were moved from here.
struct MigrationCost {
  Duration base = 200 * kMillisecond;
  Duration per_mebibyte = 10 * kMillisecond;

  Duration of(std::uint64_t bytes) const {
    return base +
           static_cast<Duration>((bytes >> 10) * static_cast<std::uint64_t>(per_mebibyte) >> 10);
  }
  // Moves both by an eighth of the relative error, within a factor of 1000 of what is assumed
  // first.
  void learn(std::uint64_t bytes, Duration taken);
};

// The world as one peer knows it at one instant.
struct View {
  Time now = 0;
  PeerId self = PeerId::none;
  Load load = 0;         // own load index
  Load task_load = 0;    // what one more task would add to it
  Role role = Role::ok;  // own role by the transfer policy; not meaningful inside classify()
  const TaskTable& tasks;
  const std::vector<PeerInfo>& peers;  // by id
  // Outside a bounded view and there all the same, since there is business with them, or since the
  // policy wants to know them on: they may be chosen, and probed by who keeps them. By id.
  std::span<const PeerInfo> contacts{};
  const std::vector<Wish>& wishes;  // of others, the oldest first; their peers may be gone
  const LimitsConfig& limits;
  Duration run_time = -1;              // how long tasks have run here lately; -1: none has
  Duration handoff_time = -1;          // how long a granted task has lately taken to be this peer's
  std::int32_t idle_thousandths = -1;  // share of the slots that was idle lately; -1: not known yet
  bool parked = false;                 // as a receiver it has left wishes that hold still
  bool seeking = false;                // a task is selected for a search, not for a peer that asks
  bool migrates = false;               // running tasks can be moved from here
  bool memory_pressure = false;
  MigrationCost migration_cost{};
  Duration max_age = 0;  // by the information policy: older knowledge is not used; 0: none is used

  // May the task move now, as far as the core's limits go?
  Movability movability(const Task& task) const;
  bool movable(const Task& task) const { return movability(task) == Movability::movable; }
  // The same instant with `tasks_more` (negative: fewer) tasks here.
  View with(int tasks_more) const;
  // A sender above `high`. A receiver below `low`, where one more task would not make it a sender
  // and come back; an idle peer is one whatever the limits, unless `low` is 0.
  Role role_between(Load low, Load high) const;
  // What is known of the peer if it is known well enough to be used, else nullptr.
  const PeerInfo* fresh(PeerId peer) const;
};

// One round of probing, as far as it got. The core keeps it; policies read it.
struct Probed {
  enum class State : std::uint8_t {
    pending,
    answered,  // load, role, veto and movable hold
    silent,    // no answer within the probe timeout
    refused    // was chosen, and rejected the offer or declined the request
  };
  PeerId peer = PeerId::none;
  State state = State::pending;
  Load load = 0;
  Role role = Role::ok;
  Veto veto = Veto::none;
  std::uint32_t movable = 0;
  PeerId referral = PeerId::none;  // another peer that it says would do
};

struct Search {
  std::uint32_t id = 0;
  Role role = Role::sender;    // sender: someone to take a task; receiver: someone who gives one
  TaskId task;                 // as a sender: the one that would go
  std::vector<Probed> probed;  // in the order in which they were asked or chosen
  std::uint32_t probes_left = 0;

  bool asked(PeerId peer) const;
};

struct ProbePeer {
  PeerId peer;
  bool leaves_wish = false;
};
struct ChoosePeer {
  PeerId peer;
};
struct GiveUp {};
using Step = std::variant<ProbePeer, ChoosePeer, GiveUp>;

class TransferPolicy {
 public:
  virtual ~TransferPolicy() = default;
  virtual Role classify(const View& view) const = 0;
  // The load that a sender or receiver is measured against, for the trace.
  virtual Load reference(const View& view, Role role) const = 0;
};

class SelectionPolicy {
 public:
  virtual ~SelectionPolicy() = default;
  // One of view.tasks for which view.movable() holds, or none. As `selection` one that waits, as
  // `migration` one that runs. `receiver`: none while it is not known who will take it.
  virtual std::optional<TaskId> select(const View& view, PeerId receiver) const = 0;
};

// What makes a peer search: a step that brings a change (arrivals make a sender search, departures
// a receiver, and what neither settles is tried again after limits.search_retry), or time alone: a
// Poisson process while it is a sender or receiver, with limits.search_retry as its mean pause.
enum class Timing : std::uint8_t { on_changes, at_random };

class LocationPolicy {
 public:
  virtual ~LocationPolicy() = default;
  // What to do next in this search, none of whose probes is pending. May choose a peer that was not
  // probed. Never a peer that is in neither view.peers nor view.contacts, and probes the former
  // alone or its own acquaintances; never probes one twice in a search; with search.probes_left ==
  // 0 it must choose or give up (the core ends a search that does not).
  virtual Step next(const View& view, const Search& search, Rng& rng) = 0;
  // Does it look for peers at all in that role? (Initiative is no mode flag: a policy that does not
  // act as a receiver is sender-initiated.)
  virtual bool initiates(Role role) const = 0;
  virtual Timing timing() const { return Timing::on_changes; }
  // A slot is free and `next` would start in it: whose task, left here as a wish, is to go first?
  virtual std::optional<PeerId> yields_to(const View& /*view*/, const Task& /*next*/) const {
    return std::nullopt;
  }
  // Destination: would this peer take an offered task, limits and vetoes aside? `source_load` is
  // the source's load without the task.
  virtual bool admits(const View& view, Load source_load) const = 0;
  // Every role that a peer shows: by its own probe (it is what it asks as) or by an answer.
  virtual void learned(PeerId /*peer*/, Role /*role*/) {}
  // Whoever asks this peer becomes a contact if it is outside a bounded view, and stays one while
  // it is among the acquaintances; so does an acquaintance that leaves the view. The policy appends
  // them here, a bounded number.
  virtual bool has_acquaintances() const { return false; }
  virtual void acquaintances(std::vector<PeerId>& /*peers*/) const {}
};

class InformationPolicy {
 public:
  virtual ~InformationPolicy() = default;
  virtual bool piggybacks() const = 0;           // put the load index on every datagram
  virtual Duration report_interval() const = 0;  // tell `report_fanout` random peers; 0: never
  virtual std::uint32_t report_fanout() const = 0;
  virtual Duration max_age() const = 0;  // see View::max_age
};

struct PolicySet {
  std::unique_ptr<TransferPolicy> transfer;
  std::unique_ptr<SelectionPolicy> selection;
  std::unique_ptr<SelectionPolicy> migration;  // none: running tasks stay
  std::unique_ptr<LocationPolicy> location;
  std::unique_ptr<InformationPolicy> information;
};

// Builds the policies that a configuration names. The names have been checked by its reader.
using PolicyFactory = std::function<PolicySet(const PolicyConfig&)>;

}  // namespace core
