// Who this peer is, across restarts: its random identity, how often it was started, and which task
// numbers it has given out. Kept in STATE/identity.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "core/types.h"
#include "peerd/state_lock.h"

namespace peerd {

class Identity {
 public:
  // Numbers are reserved on disk in blocks of this size: a crash skips the rest of one.
  static constexpr std::uint64_t kSerialsPerBlock = 10'000;

  // Takes the state directory's lock, reads or creates the identity, and counts this start: all of
  // it is on disk on return.
  static std::variant<Identity, StartError> open(const std::string& state_directory);

  core::PeerId id() const { return id_; }
  // From 1; larger at every start.
  std::uint32_t starts() const { return starts_; }
  core::Incarnation incarnation() const { return core::first_incarnation(starts_); }
  // From 1; never the same twice, whatever happens in between. Nullopt if a block cannot be
  // reserved (disk full): `error` says why; trying again later is fine.
  std::optional<std::uint64_t> next_serial(std::string& error);

 private:
  explicit Identity(StateLock lock) : lock_(std::move(lock)) {}
  std::optional<StartError> load();
  std::optional<std::string> save() const;

  StateLock lock_;
  std::string directory_;
  core::PeerId id_ = core::PeerId::none;
  std::uint32_t starts_ = 0;
  std::uint64_t next_serial_ = 1;
  std::uint64_t reserved_end_ = 1;  // on disk: those below may have been given out
};

}  // namespace peerd
