// The vocabulary of the core: time, load, identities. Plain values, the standard library alone.
//
// Integers only: time in microseconds, load in thousandths, sizes in bytes. No float takes part in
// a decision, so that every machine decides alike.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace core {

// Microseconds of a monotonic clock whose origin the driver chose. Never goes back.
using Time = std::int64_t;
using Duration = std::int64_t;
constexpr Duration kMillisecond = 1'000;
constexpr Duration kSecond = 1'000'000;
constexpr Time kNever = std::numeric_limits<Time>::max();

// Load index in thousandths: tasks waiting, running and expected, divided by the board's weight.
using Load = std::int32_t;
constexpr Load kMaxLoad = 1'000'000'000;

// A peer's identity: drawn at random at its first start, kept in its state directory.
enum class PeerId : std::uint64_t { none = 0 };
constexpr std::uint64_t value(PeerId id) {
  return static_cast<std::uint64_t>(id);
}

// A task's identity: the peer it was submitted to (its home node) and a number that peer never
// reuses.
struct TaskId {
  PeerId home = PeerId::none;
  std::uint64_t serial = 0;

  auto operator<=>(const TaskId&) const = default;
  explicit operator bool() const { return home != PeerId::none; }
};

// Grows at every handoff. The pair (task, epoch) names one stay at one owner. Its high bits count
// how often the home node has begun the task anew, so that no epoch that an old owner can hand it
// on at reaches those that come after.
using Epoch = std::uint32_t;
constexpr int kRestartShift = 24;
constexpr std::uint32_t kMaxRestarts = 255;
constexpr std::uint32_t restarts_of(Epoch epoch) {
  return epoch >> kRestartShift;
}
constexpr Epoch first_epoch_after(std::uint32_t restarts) {
  return restarts << kRestartShift | 1;
}
constexpr Epoch last_epoch_beside(Epoch epoch) {
  return epoch | ((Epoch{1} << kRestartShift) - 1);
}

// Which news of a peer is newer. The high half counts the daemon's starts and is kept on disk; the
// low half counts how often it had to refute a suspicion since.
using Incarnation = std::uint64_t;
constexpr Incarnation first_incarnation(std::uint32_t start) {
  return Incarnation{start} << 32;
}
constexpr std::uint32_t start_count(Incarnation incarnation) {
  return static_cast<std::uint32_t>(incarnation >> 32);
}

// Where a peer listens, datagrams and streams alike. IPv4 is kept as an IPv4-mapped IPv6 address.
struct Endpoint {
  std::array<std::uint8_t, 16> address{};
  std::uint16_t port = 0;

  auto operator<=>(const Endpoint&) const = default;
  explicit operator bool() const { return port != 0; }
};

// What a transfer policy says of a peer: too much work, just right, or room for more.
enum class Role : std::uint8_t { sender, ok, receiver };

// Why a peer does not take or give a task. `none` where it does.
enum class Veto : std::uint8_t {
  none,
  policy,             // its location policy finds the offer no improvement
  memory_pressure,    // PSI or MemAvailable beyond the configured limit, or the task needs more
  queue_full,         // [limits] queue_length
  transfers_full,     // [limits] transfers_at_once
  draining,           // it is about to leave
  nothing_movable,    // asked for a task, it has none that may move
  not_sender,         // asked for a task, it has no more than its share
  stale,              // the offer's epoch is outdated or the task is known already
  insufficient_disk,  // the bundle would not fit
  journal,            // it cannot be written, so nothing new can be promised
  no_slot,            // a running task would have to go on at once, and all slots are taken
  no_migration,       // it cannot restore running tasks
  no_peer,            // there is none that could take it
  migrations_full     // [limits] migrations_at_once
};
constexpr std::size_t kVetoes = 15;

// How a task ended.
struct ExitStatus {
  enum class Kind : std::uint8_t {
    exited,     // value: the exit code; 126 not executable, 127 not found, as the shell has it
    signaled,   // value: the signal's number
    cancelled,  // by its user; value: the signal that ended it, 0 if it never ran
    failed,  // value: 0; the system failed the task (disk full, input lost): the message says how
    lost     // value: 0; the peer that held it is gone, or restarted while it ran there
  };
  Kind kind = Kind::exited;
  std::int32_t value = 0;

  auto operator<=>(const ExitStatus&) const = default;
};

// What a task asks of the board that takes it. Zero where nothing is asked.
struct Needs {
  std::uint64_t memory_bytes = 0;
  std::uint64_t bundle_bytes = 0;  // what a move transfers: the inputs
  std::int32_t priority = 0;       // -9 ... 10, higher starts sooner
  // If its owner is gone it is begun anew, once a lease of this length has run out: lease.h. 0: it
  // is lost.
  Duration lease = 0;

  auto operator<=>(const Needs&) const = default;
};

enum class TaskState : std::uint8_t {
  waiting,
  running,
  returning,  // ended; results are on their way to the home node
  finished,
  in_doubt,  // prepared here, and whether the source handed it over is not known yet
  lost,
  unknown  // an owner's answer: it has never heard of the task at that epoch
};

std::string to_text(PeerId peer);                 // 16 hexadecimal digits
std::string epoch_text(Epoch epoch);              // "3"; "1:3", once it was begun anew
std::string to_string(const Endpoint& endpoint);  // "192.0.2.1:7400", "[2001:db8::1]:7400"
const char* to_string(Role role);
const char* to_string(Veto veto);
const char* to_string(TaskState state);
std::string to_string(const ExitStatus& status);  // "exit 0", "signal 9", "cancelled", "lost"

}  // namespace core
