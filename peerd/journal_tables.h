// The journal's tables: one for each kind of entry of core::Journal, and one row for the peer
// itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/journal.h"
#include "net/task_spec.h"
#include "peerd/sqlite.h"

namespace peerd {

struct PeerRow {
  core::PeerId id = core::PeerId::none;
  std::uint32_t starts = 0;
  std::uint64_t last_serial = 0;
  std::uint64_t arrivals = 0;
};

// A stay's or a home node's task, beside its entry.
struct SpecRow {
  core::TaskId task;
  core::Epoch epoch = 0;
  net::TaskSpec spec;
  std::string message;
};

class JournalTables {
 public:
  // Creates the tables, or brings those of an older peerd up to date. False, and why, if it cannot:
  // those of a newer one are not touched.
  static bool migrate(sqlite::Database& database, std::string& why);

  explicit JournalTables(sqlite::Database& database);

  void put(const PeerRow& peer);
  // Inserts or updates. `spec`: required when inserting; a task of this home may have it in its
  // home entry alone. Times are stored `to_wall` later.
  void put(core::TaskId task, const core::OwnedTask& owned, const net::TaskSpec* spec);
  void put(core::TaskId task, const core::PreparedCopy& copy, const net::TaskSpec* spec);
  void put(core::TaskId task, const core::Decision& decision);
  void put(core::TaskId task, const core::HomeEntry& entry, const net::TaskSpec* spec);
  void erase_owned(core::TaskId task);
  void erase_prepared(core::TaskId task);
  void erase_decision(core::TaskId task);
  void erase_home(core::TaskId task);
  // The last words on a stay's end, and on a task's.
  void say_of_stay(core::TaskId task, core::Epoch epoch, const std::string& message);
  void say_of_task(core::TaskId task, const std::string& message);

  // False if there is none: a new journal.
  bool load(PeerRow& peer);
  // False if a row makes no sense.
  bool load(core::PeerId self, core::Journal& journal, std::vector<SpecRow>& stays,
            std::vector<SpecRow>& home_tasks);

  void set_to_wall(core::Duration to_wall) { to_wall_ = to_wall; }
  // Whether something failed since the last time this was asked.
  bool take_failed();

 private:
  template <typename... Values>
  void run(sqlite::Statement& statement, const Values&... values);
  bool load_home(core::PeerId self, core::Journal& journal, std::vector<SpecRow>& tasks);
  bool load_owned(core::Journal& journal, const std::vector<SpecRow>& tasks,
                  std::vector<SpecRow>& stays);
  bool load_prepared(core::Journal& journal, std::vector<SpecRow>& stays);
  bool load_decided(core::Journal& journal);

  sqlite::Database& database_;
  core::Duration to_wall_ = 0;
  bool failed_ = false;
  sqlite::Statement put_peer_, put_owned_, put_prepared_, put_decision_, put_home_;
  sqlite::Statement erase_owned_, erase_prepared_, erase_decision_, erase_home_;
  sqlite::Statement say_of_stay_, say_of_task_;
};

}  // namespace peerd
