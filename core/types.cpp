#include "core/types.h"

#include <algorithm>
#include <cassert>

namespace core {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::string hexadecimal(std::uint64_t number) {
  const char* digits = "0123456789abcdef";
  std::string text;
  do {
    text.insert(text.begin(), digits[number % 16]);
    number /= 16;
  } while (number > 0);
  return text;
}

// RFC 5952, as far as the longest run of zero groups goes.
std::string ipv6_text(const std::array<std::uint8_t, 16>& address) {
  unsigned groups[8];
  for (std::size_t i = 0; i < 8; ++i) groups[i] = address[2 * i] * 256u + address[2 * i + 1];
  std::size_t best_start = 8, best_length = 1;
  for (std::size_t start = 0; start < 8; ++start) {
    std::size_t length = 0;
    while (start + length < 8 && groups[start + length] == 0) ++length;
    if (length > best_length) {
      best_start = start;
      best_length = length;
    }
  }
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == best_start) {
      text += "::";
      i += best_length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    text += hexadecimal(groups[i]);
  }
  return text;
}

}  // namespace

std::string to_text(PeerId peer) {
  const std::string digits = hexadecimal(value(peer));
  return std::string(16 - digits.size(), '0') + digits;
}

std::string epoch_text(Epoch epoch) {
  if (restarts_of(epoch) == 0) return std::to_string(epoch);
  const Epoch first = first_epoch_after(restarts_of(epoch));
  return std::to_string(restarts_of(epoch)) + ":" + std::to_string(epoch - first + 1);
}

std::string to_string(const Endpoint& endpoint) {
  const auto& address = endpoint.address;
  std::string text;
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.begin())) {
    for (std::size_t i = 12; i < 16; ++i) {
      text += std::to_string(address[i]);
      if (i < 15) text += '.';
    }
  } else {
    text = "[" + ipv6_text(address) + "]";
  }
  return text + ":" + std::to_string(endpoint.port);
}

const char* to_string(Role role) {
  switch (role) {
    case Role::sender:
      return "sender";
    case Role::ok:
      return "ok";
    case Role::receiver:
      return "receiver";
  }
  assert(false);
  return "";
}

const char* to_string(Veto veto) {
  switch (veto) {
    case Veto::none:
      return "none";
    case Veto::policy:
      return "policy";
    case Veto::memory_pressure:
      return "memory pressure";
    case Veto::queue_full:
      return "queue full";
    case Veto::transfers_full:
      return "too many transfers";
    case Veto::draining:
      return "draining";
    case Veto::nothing_movable:
      return "nothing movable";
    case Veto::not_sender:
      return "not a sender";
    case Veto::stale:
      return "stale";
    case Veto::insufficient_disk:
      return "insufficient disk space";
    case Veto::journal:
      return "its journal cannot be written";
    case Veto::no_slot:
      return "no free slot";
    case Veto::no_migration:
      return "running tasks cannot be moved";
    case Veto::no_peer:
      return "no such peer to take it";
    case Veto::migrations_full:
      return "too many running tasks on their way";
  }
  assert(false);
  return "";
}

const char* to_string(TaskState state) {
  switch (state) {
    case TaskState::waiting:
      return "waiting";
    case TaskState::running:
      return "running";
    case TaskState::returning:
      return "returning";
    case TaskState::finished:
      return "finished";
    case TaskState::in_doubt:
      return "in doubt";
    case TaskState::lost:
      return "lost";
    case TaskState::unknown:
      return "unknown";
  }
  assert(false);
  return "";
}

std::string to_string(const ExitStatus& status) {
  switch (status.kind) {
    case ExitStatus::Kind::exited:
      return "exit " + std::to_string(status.value);
    case ExitStatus::Kind::signaled:
      return "signal " + std::to_string(status.value);
    case ExitStatus::Kind::cancelled:
      return "cancelled";
    case ExitStatus::Kind::failed:
      return "failed";
    case ExitStatus::Kind::lost:
      return "lost";
  }
  assert(false);
  return "";
}

}  // namespace core
