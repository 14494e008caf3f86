// The peer's journal on disk: what core/journal.h promises, and beside it what the driver alone
// knows of a task (its specification, the last words on its end). Also who this peer is and how
// often it was started.
//
// STATE/journal.db is an SQLite database in WAL mode with synchronous=FULL: what commit() has
// returned from is there after a loss of power. It holds what the records fold into, not the
// records themselves, and so does not grow with time. Times in it are the wall clock's.
//
// Some space is kept in reserve, in a file of its own: when the disk is full it is given up, so
// that what has been promised, runs or ends can still be written while new work is refused.
//
// One thread, blocking: a commit costs about one fsync, whatever the number of its records.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/journal.h"
#include "peerd/journal_tables.h"
#include "peerd/sqlite.h"
#include "peerd/state_lock.h"

namespace peerd {

class JournalStore {
 public:
  // A record, and what the driver has to say beside it.
  struct Entry {
    core::Persist record;
    const net::TaskSpec* spec = nullptr;  // of submitted, prepared and owned ones
    std::string message{};                // of exited, finished and lost ones, if there is any
  };

  // What an earlier life has left, in times of the core's clock today.
  struct Recovered {
    core::Journal journal;
    std::vector<SpecRow> stays;  // those that the journal holds
    std::vector<SpecRow> home_tasks;
  };

  // Takes the state directory's lock, opens or creates the journal and brings its tables up to
  // date. This start is counted, on disk, on return. `now`: the core's clock.
  static std::variant<JournalStore, StartError> open(const std::string& state_directory,
                                                     core::Time now);

  core::PeerId id() const { return peer_.id; }
  // From 1; larger at every start.
  std::uint32_t starts() const { return peer_.starts; }
  core::Incarnation incarnation() const { return core::first_incarnation(peer_.starts); }
  // Once.
  Recovered take_recovered() { return std::exchange(recovered_, {}); }

  // All of them in one transaction. Empty, or why nothing of it was written: trying again later is
  // fine.
  std::string commit(std::span<const Entry> entries, core::Time now);
  // False once a commit has needed it: nothing more should be promised.
  bool has_reserve() const { return has_reserve_; }
  // Empty, or why there is still no room for it.
  std::string restore_reserve();

 private:
  struct Before;  // what the journal said of a task before a commit

  JournalStore(std::string state_directory, StateLock lock,
               std::unique_ptr<sqlite::Database> database)
      : reserve_path_(std::move(state_directory) + "/journal.reserve"),
        lock_(std::move(lock)),
        database_(std::move(database)) {}
  std::string load(core::Time now);
  std::string transact(std::span<const Entry> entries,
                       const std::map<core::TaskId, Before>& touched, bool peer_changed);
  bool write(std::span<const Entry> entries, const std::map<core::TaskId, Before>& touched);
  void undo(const std::map<core::TaskId, Before>& touched, const PeerRow& peer);

  std::string reserve_path_;
  bool has_reserve_ = false;
  StateLock lock_;
  std::unique_ptr<sqlite::Database> database_;
  std::unique_ptr<JournalTables> tables_;
  PeerRow peer_;  // as on disk, like the journal
  core::Journal journal_;
  Recovered recovered_;
};

}  // namespace peerd
