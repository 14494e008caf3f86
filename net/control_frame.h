// What peerctl and peerd say to each other over the Unix socket. Frames as on streams:
// [u32 length, big-endian][msgpack array]. Every request carries a number of the client's choice
// that its answers repeat; many may be under way on one connection.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/types.h"
#include "net/task_spec.h"

namespace net {

constexpr std::uint16_t kControlVersion = 2;
constexpr std::size_t kMaxRows = 1024;  // in one answer; longer tables come in several, `more` set

// --- Requests

// First on every connection. Answered by Welcome, or Failure if the versions differ.
struct ControlHello {
  std::uint16_t version = kControlVersion;
  bool operator==(const ControlHello&) const = default;
};

// Answered by Submitted once the inputs are copied and the task is queued, or by Failure.
struct SubmitRequest {
  TaskSpec spec;
  bool operator==(const SubmitRequest&) const = default;
};

// Answered by Ended when the task has ended (at once if it has).
struct WaitRequest {
  std::string task;  // "17" or "board1.17"
  bool operator==(const WaitRequest&) const = default;
};

// Answered by Output frames, then Ended if `follow` or if the task has ended, else Done.
struct OutputRequest {
  std::string task;
  bool follow = false;
  bool operator==(const OutputRequest&) const = default;
};

struct CancelRequest {  // answered by Done, or Failure (unknown, ended already)
  std::string task;
  bool operator==(const CancelRequest&) const = default;
};

// Asked of the peer that has the task. Answered by Done once it is under way, or noted, or by
// Failure.
struct SteerRequest {
  enum class What : std::uint8_t { migrate, hold, release };
  What what = What::migrate;
  std::string task;
  std::string peer;  // to migrate to; empty: to whoever takes it
  bool operator==(const SteerRequest&) const = default;
};

// The peer takes no work and hands everything over, or (`on` false) is as before. Answered by Done
// when it has no task any more, or at once, or by Failure if somebody calls it off.
struct DrainRequest {
  bool on = true;
  bool operator==(const DrainRequest&) const = default;
};

struct DoctorRequest {  // answered by Lines: what works here, and what is missing for the rest
  bool operator==(const DoctorRequest&) const = default;
};

struct TasksRequest {  // answered by TaskRows
  bool all = false;    // ended ones too
  bool operator==(const TasksRequest&) const = default;
};

struct PeersRequest {  // answered by PeerRows
  bool operator==(const PeersRequest&) const = default;
};

struct StatsRequest {  // answered by Stats
  bool operator==(const StatsRequest&) const = default;
};

struct ExplainRequest {  // answered by Lines
  std::string task;
  bool operator==(const ExplainRequest&) const = default;
};

// --- Answers

struct Welcome {
  std::string peer;     // the daemon's name
  std::string version;  // of the program
  bool operator==(const Welcome&) const = default;
};

struct Submitted {
  std::string task;
  bool operator==(const Submitted&) const = default;
};

struct Output {
  std::uint8_t stream = 1;          // 1 stdout, 2 stderr
  std::vector<std::uint8_t> bytes;  // at most kMaxChunkBytes
  bool operator==(const Output&) const = default;
};

// The task is begun anew: what was Output so far is void.
struct Restarted {
  std::string gone;  // who had it
  bool operator==(const Restarted&) const = default;
};

struct Ended {
  std::string task;
  core::ExitStatus status;
  std::string message;           // what there is to say beyond the status; empty for a plain exit
  std::string ran_on;            // name of the last owner
  std::int64_t response_us = 0;  // from submission to end
  std::uint32_t moves = 0;
  std::uint32_t probes = 0;
  bool operator==(const Ended&) const = default;
};

struct Done {
  bool operator==(const Done&) const = default;
};

// `code` is a sysexits number that peerctl may exit with.
struct Failure {
  std::int32_t code = 0;
  std::string message;
  bool operator==(const Failure&) const = default;
};

struct TaskRow {
  std::string task;
  std::string state;    // core::to_string(TaskState), or "moving", "cancelled", "failed"
  std::string owner;    // the peer that has it (or had it last)
  std::string command;  // shortened to 200 bytes
  std::int32_t priority = 0;
  std::int64_t age_us = 0;        // since submission, or arrival for guests
  std::int64_t response_us = -1;  // of ended tasks
  std::uint32_t moves = 0;
  std::uint32_t probes = 0;
  std::uint32_t epoch = 0;
  bool home_here = false;
  core::ExitStatus status;
  bool ended = false;
  std::string note;  // why it is in doubt, lost, failed, ...
  bool operator==(const TaskRow&) const = default;
};

struct TaskRows {
  std::vector<TaskRow> rows;
  bool more = false;
  bool operator==(const TaskRows&) const = default;
};

struct PeerRow {
  std::string name;
  std::string address;
  std::string state;               // "self", "alive", "suspect", "dead", "left", "draining"
  std::string role;                // "sender", "ok", "receiver", "-" while unknown
  std::int32_t load = -1;          // thousandths; -1 unknown
  std::int64_t known_age_us = -1;  // how old that knowledge is
  std::uint64_t incarnation = 0;
  // Of oneself alone, zero for others:
  std::uint32_t waiting = 0, running = 0, reserved = 0, slots = 0;
  bool operator==(const PeerRow&) const = default;
};

struct PeerRows {
  std::vector<PeerRow> rows;
  bool more = false;
  bool operator==(const PeerRows&) const = default;
};

struct StatRow {
  std::string group;  // "tasks", "searches", "limits", ...
  std::string name;
  std::uint64_t value = 0;
  bool operator==(const StatRow&) const = default;
};

struct Stats {
  std::vector<StatRow> rows;
  bool operator==(const Stats&) const = default;
};

struct Lines {
  std::vector<std::string> lines;
  bool more = false;
  bool operator==(const Lines&) const = default;
};

using ControlBody =
    std::variant<ControlHello, SubmitRequest, WaitRequest, OutputRequest, CancelRequest,
                 TasksRequest, PeersRequest, StatsRequest, ExplainRequest, Welcome, Submitted,
                 Output, Ended, Done, Failure, TaskRows, PeerRows, Stats, Lines, SteerRequest,
                 DrainRequest, DoctorRequest, Restarted>;

struct ControlFrame {
  std::uint32_t request = 0;
  ControlBody body;
  bool operator==(const ControlFrame&) const = default;
};

}  // namespace net
