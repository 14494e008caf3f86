// What peers say to each other in datagrams. Each message is small, may be lost, doubled or
// reordered, and carries all that its receiver needs. Bundles (files) travel on streams instead.
//
// Limits on every variable part are named here; the codec refuses what exceeds them.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "core/name.h"
#include "core/types.h"

namespace core {

constexpr std::uint16_t kProtocolVersion = 4;
constexpr Duration kMaxWaited = 30 * 24 * 3600 * kSecond;  // that a task may claim
constexpr Duration kMinLease = kSecond;
constexpr Duration kMaxLease = 3600 * kSecond;
constexpr std::size_t kMaxNameBytes = 63;          // a peer's name
constexpr std::size_t kMaxMembersPerMessage = 10;  // keeps a datagram below 1,400 bytes

// --- Membership: SWIM (Das, Gupta, Motivala 2002) with Lifeguard's local health (Dadgar et al.
// 2017)

enum class MemberState : std::uint8_t { alive, suspect, dead, left };

// One peer's news. A higher incarnation wins; at the same one left > dead > suspect > alive.
struct Member {
  PeerId id = PeerId::none;
  Name name;
  Endpoint endpoint;
  MemberState state = MemberState::alive;
  bool draining = false;  // takes no tasks any more
  // In bounded views: probe periods since the peer itself said that it is there. 0 elsewhere.
  std::uint16_t age = 0;
  Incarnation incarnation = 0;
  PeerId accuser = PeerId::none;  // who suspects it, so that independent suspicions can be counted

  bool operator==(const Member&) const = default;
};

struct Ping {
  std::uint32_t sequence = 0;
  PeerId target = PeerId::none;  // an old holder of the address must not answer for a new one
  std::vector<Member> gossip;
  bool operator==(const Ping&) const = default;
};

struct Ack {
  std::uint32_t sequence = 0;
  std::vector<Member> gossip;
  bool operator==(const Ack&) const = default;
};

// "Ping the target for me": answered by Ack, or by Nack when the target does not answer in time.
struct PingRequest {
  std::uint32_t sequence = 0;
  PeerId target = PeerId::none;
  Endpoint target_endpoint;
  std::vector<Member> gossip;
  bool operator==(const PingRequest&) const = default;
};

struct Nack {
  std::uint32_t sequence = 0;
  bool operator==(const Nack&) const = default;
};

// "Here I am, who else is there?", sent to seed addresses. Answered by News.
struct Join {
  Member self;
  bool operator==(const Join&) const = default;
};

// What the sender knows of others: the answer to Join, and a leaving peer's farewell.
struct News {
  std::vector<Member> members;
  bool operator==(const News&) const = default;
};

// --- Bounded views: Cyclon's exchange (Voulgaris, Gavidia, van Steen 2005), a ping at once

constexpr std::size_t kMaxShuffled = 8;

// "Here I am, and some of those I know; whom do you know?" Answered by ShuffleReply.
struct Shuffle {
  std::uint32_t sequence = 0;
  PeerId target = PeerId::none;  // as in Ping
  std::vector<Member> members;   // the sender first
  bool operator==(const Shuffle&) const = default;
};

struct ShuffleReply {
  std::uint32_t sequence = 0;
  std::vector<Member> members;
  bool operator==(const ShuffleReply&) const = default;
};

// --- Balancing

// Role::sender: "would you take a task?"; Role::receiver: "have you one for me?".
struct Probe {
  std::uint32_t search = 0;
  Role role = Role::sender;
  bool leaves_wish = false;  // one that cannot help now is to remember it; see wishes.h
  Duration waited = 0;       // the task that would go, as a sender
  bool operator==(const Probe&) const = default;
};

struct ProbeReply {
  std::uint32_t search = 0;
  Load load = 0;
  Role role = Role::ok;            // what the answering peer's transfer policy says of it
  Veto veto = Veto::none;          // why it would refuse although its role might not
  std::uint32_t movable = 0;       // waiting tasks that it may give away
  bool wish_kept = false;          // it remembers the probe
  PeerId referral = PeerId::none;  // somebody else who asked here for what the prober has to give
  Endpoint referral_endpoint{};    // the prober may never have heard of it
  bool operator==(const ProbeReply&) const = default;
};

// Told unasked by the `periodic` information policy.
struct LoadReport {
  Load load = 0;
  Role role = Role::ok;
  bool operator==(const LoadReport&) const = default;
};

// A receiver asks a probed sender for a task. Answered by Offer or Decline.
struct Request {
  std::uint32_t search = 0;
  std::uint32_t probes = 0;  // that the search has sent so far
  bool operator==(const Request&) const = default;
};

// The wish that a probe of that search left is over.
struct Withdraw {
  std::uint32_t search = 0;
  bool operator==(const Withdraw&) const = default;
};

struct Decline {
  std::uint32_t search = 0;
  Veto veto = Veto::none;
  Load load = 0;
  Role role = Role::ok;
  bool operator==(const Decline&) const = default;
};

// --- Handoff of one task: a two-phase commit in which the source decides

constexpr Load kLeaving = kMaxLoad + 1;  // more than any load

struct Offer {
  TaskId task;
  Epoch epoch = 0;  // the epoch at the destination: the source's plus one
  Needs needs;
  std::uint32_t hops = 0;    // moves so far, this one not counted
  std::uint32_t probes = 0;  // sent on the task's behalf so far
  std::uint32_t search = 0;  // the Request that it answers, 0 if none
  // The source's load without this task, or kLeaving: the source is leaving, and the task's home
  // node takes it back whatever its own load.
  Load source_load = 0;
  Duration waited = 0;   // since it was submitted: at its next peer it is as old as it was here
  Endpoint home{};       // the home node's: the destination may never have heard of it
  bool wanted = false;   // by its user: the destination's policy has no say
  bool running = false;  // its process comes along and needs a slot at once
  std::uint64_t image_bytes = 0;  // about: memory of that process
  Duration ran = 0;               // how long it has run so far
  bool operator==(const Offer&) const = default;
};

struct Grant {
  TaskId task;
  Epoch epoch = 0;
  bool operator==(const Grant&) const = default;
};

struct Reject {
  TaskId task;
  Epoch epoch = 0;
  Veto veto = Veto::none;
  Load load = 0;
  Role role = Role::ok;
  bool operator==(const Reject&) const = default;
};

// "Here it is; is it mine?" Repeated, so that it is the question of a destination in doubt, too.
struct Prepared {
  TaskId task;
  Epoch epoch = 0;
  bool process_lost = false;  // a running task's copy did not survive: do not hand it over any more
  bool operator==(const Prepared&) const = default;
};

struct Commit {
  TaskId task;
  Epoch epoch = 0;
  bool operator==(const Commit&) const = default;
};

struct Committed {
  TaskId task;
  Epoch epoch = 0;
  bool operator==(const Committed&) const = default;
};

// From the source before it has handed over: drop what you prepared. From the destination: I
// cannot.
struct Abort {
  TaskId task;
  Epoch epoch = 0;
  bool operator==(const Abort&) const = default;
};

// --- The home node's record

// What an owner tells the task's home node; repeated until acknowledged.
struct TaskReport {
  TaskId task;
  Epoch epoch = 0;
  TaskState state = TaskState::waiting;
  PeerId owner = PeerId::none;  // the sender, or the destination that it handed the task to
  std::uint32_t hops = 0;
  std::uint32_t probes = 0;   // sent on the task's behalf so far
  ExitStatus status{};        // meaningful in state `finished` alone
  Endpoint owner_endpoint{};  // the home node may never have heard of it
  bool operator==(const TaskReport&) const = default;
};

struct TaskReportAck {
  TaskId task;
  Epoch epoch = 0;
  TaskState state = TaskState::waiting;
  bool operator==(const TaskReportAck&) const = default;
};

// The home node asks an owner that came back after a restart or a silence. Answered by TaskReport.
struct TaskQuery {
  TaskId task;
  Epoch epoch = 0;
  bool operator==(const TaskQuery&) const = default;
};

// The home node passes on its user's wish; repeated until the task's end is reported.
struct Cancel {
  TaskId task;
  bool operator==(const Cancel&) const = default;
};

// An owner asks the home node for a lease, or a longer one. Answered by LeaseReply, which repeats
// what it says.
struct LeaseAsk {
  TaskId task;
  Epoch epoch = 0;
  Time asked = 0;          // by the owner's clock
  std::uint32_t life = 0;  // the owner's count of starts: another life has another clock
  std::uint32_t hops = 0;  // the home node may hear of the owner by this first
  bool operator==(const LeaseAsk&) const = default;
};

struct LeaseReply {
  TaskId task;
  Epoch epoch = 0;
  Time asked = 0;
  std::uint32_t life = 0;
  bool granted = false;  // else the epoch is outdated: the copy must end
  bool operator==(const LeaseReply&) const = default;
};

using Message = std::variant<Ping, Ack, PingRequest, Nack, Join, News, Probe, ProbeReply,
                             LoadReport, Request, Decline, Offer, Grant, Reject, Prepared, Commit,
                             Committed, Abort, TaskReport, TaskReportAck, TaskQuery, Cancel,
                             Shuffle, ShuffleReply, Withdraw, LeaseAsk, LeaseReply>;
constexpr std::size_t kMessages = std::variant_size_v<Message>;

// Messages about peers; the others are about tasks.
template <typename M>
constexpr bool kIsMembership =
    std::is_same_v<M, Ping> || std::is_same_v<M, Ack> || std::is_same_v<M, PingRequest> ||
    std::is_same_v<M, Nack> || std::is_same_v<M, Join> || std::is_same_v<M, News> ||
    std::is_same_v<M, Shuffle> || std::is_same_v<M, ShuffleReply>;

// What every datagram opens with.
struct Header {
  PeerId from = PeerId::none;
  Incarnation incarnation = 0;  // the sender's, so that a restarted peer is told apart
  std::optional<Load> load;     // piggybacked, if its information policy does so
  bool operator==(const Header&) const = default;
};

const char* message_name(std::size_t index);  // by Message::index(): "ping", "probe_reply", ...

}  // namespace core
