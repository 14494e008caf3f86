#include "peerd/journal_tables.h"

#include <cassert>
#include <iterator>
#include <span>
#include <utility>

#include "net/codec.h"

namespace peerd {
namespace {

// What took a journal of version i to i + 1. Never change one that was released: add another.
constexpr const char* kMigrations[] = {
    R"(CREATE TABLE peer (only INTEGER PRIMARY KEY CHECK (only = 1), id INTEGER NOT NULL,
         starts INTEGER NOT NULL, last_serial INTEGER NOT NULL, arrivals INTEGER NOT NULL);
       CREATE TABLE owned (home INTEGER, serial INTEGER, epoch INTEGER NOT NULL,
         offerable INTEGER NOT NULL, memory_bytes INTEGER NOT NULL, bundle_bytes INTEGER NOT NULL,
         priority INTEGER NOT NULL, lease INTEGER NOT NULL, hops INTEGER NOT NULL,
         pinned INTEGER NOT NULL, held INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL, status_kind INTEGER NOT NULL,
         status_value INTEGER NOT NULL, arrival INTEGER NOT NULL, arrived INTEGER NOT NULL,
         since INTEGER NOT NULL, start INTEGER NOT NULL, ran_before INTEGER NOT NULL, spec BLOB,
         message TEXT NOT NULL DEFAULT '', PRIMARY KEY (home, serial)) WITHOUT ROWID;
       CREATE TABLE prepared (home INTEGER, serial INTEGER, epoch INTEGER NOT NULL,
         source INTEGER NOT NULL, memory_bytes INTEGER NOT NULL, bundle_bytes INTEGER NOT NULL,
         priority INTEGER NOT NULL, lease INTEGER NOT NULL, hops INTEGER NOT NULL,
         since INTEGER NOT NULL, running INTEGER NOT NULL, ran INTEGER NOT NULL, spec BLOB NOT NULL, PRIMARY KEY (home, serial)) WITHOUT ROWID;
       CREATE TABLE decided (home INTEGER, serial INTEGER, epoch INTEGER NOT NULL,
         destination INTEGER NOT NULL, hops INTEGER NOT NULL,
         PRIMARY KEY (home, serial)) WITHOUT ROWID;
       CREATE TABLE task (serial INTEGER PRIMARY KEY, owner INTEGER NOT NULL,
         epoch INTEGER NOT NULL, hops INTEGER NOT NULL, state INTEGER NOT NULL,
         status_kind INTEGER NOT NULL, status_value INTEGER NOT NULL,
         memory_bytes INTEGER NOT NULL, bundle_bytes INTEGER NOT NULL, priority INTEGER NOT NULL,
         lease INTEGER NOT NULL, pinned INTEGER NOT NULL,
         cancelling INTEGER NOT NULL, submitted INTEGER NOT NULL, ended INTEGER NOT NULL,
         spec BLOB, message TEXT NOT NULL DEFAULT '');)"};
constexpr std::int64_t kVersion = std::size(kMigrations);

net::Bytes bytes_of(const net::TaskSpec* spec) {
  return spec == nullptr ? net::Bytes{} : net::encode(*spec);
}

bool read_spec(const sqlite::Statement& row, int column, net::TaskSpec& spec) {
  auto decoded = net::decode_task_spec(row.blob(column));
  auto* read = std::get_if<net::TaskSpec>(&decoded);
  if (read == nullptr) return false;
  spec = std::move(*read);
  return true;
}

core::TaskId task_of(const sqlite::Statement& row) {
  return {row.get<core::PeerId>(0), row.number(1)};
}

core::Needs needs_of(const sqlite::Statement& row, int column) {
  return {row.number(column), row.number(column + 1), row.get<std::int32_t>(column + 2),
          row.get<core::Duration>(column + 3)};
}

bool status_of(const sqlite::Statement& row, int column, core::ExitStatus& status) {
  const std::uint64_t kind = row.number(column);
  if (kind > static_cast<std::uint64_t>(core::ExitStatus::Kind::lost)) return false;
  status = {static_cast<core::ExitStatus::Kind>(kind), row.get<std::int32_t>(column + 1)};
  return true;
}

}  // namespace

bool JournalTables::migrate(sqlite::Database& database, std::string& why) {
  const std::int64_t version = database.query_number("PRAGMA user_version");
  if (version > kVersion) {
    why = "was written by a newer peerd (its version is " + std::to_string(version) +
          ", this peerd knows " + std::to_string(kVersion) + ")";
    return false;
  }
  for (std::int64_t from = version; from < kVersion; ++from) {
    const std::string sql = std::string("BEGIN IMMEDIATE;") + kMigrations[from] +
                            "PRAGMA user_version = " + std::to_string(from + 1) + "; COMMIT;";
    if (database.execute(sql)) continue;
    why = database.error();
    database.execute("ROLLBACK");
    return false;
  }
  return true;
}

JournalTables::JournalTables(sqlite::Database& database)
    : database_(database),
      put_peer_(database.prepare("INSERT OR REPLACE INTO peer VALUES (1, ?1, ?2, ?3, ?4)")),
      put_owned_(database.prepare(
          "INSERT INTO owned VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
          " ?15, ?16, ?17, ?18, ?19, ?20, ?21, '') ON CONFLICT DO UPDATE SET epoch = ?3,"
          " offerable = ?4, hops = ?9, held = ?11, started = ?12, ended = ?13, status_kind = ?14,"
          " status_value = ?15, arrival = ?16, arrived = ?17, since = ?18, start = ?19,"
          " ran_before = ?20")),
      put_prepared_(database.prepare(
          "INSERT OR REPLACE INTO prepared VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
          " ?12, ?13)")),
      put_decision_(database.prepare("INSERT OR REPLACE INTO decided VALUES (?1, ?2, ?3, ?4, ?5)")),
      put_home_(database.prepare(
          "INSERT INTO task VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
          " ?15, ?16, '') ON CONFLICT DO UPDATE SET owner = ?2, epoch = ?3, hops = ?4, state = ?5,"
          " status_kind = ?6, status_value = ?7, cancelling = ?13, submitted = ?14, ended = ?15")),
      erase_owned_(database.prepare("DELETE FROM owned WHERE home = ?1 AND serial = ?2")),
      erase_prepared_(database.prepare("DELETE FROM prepared WHERE home = ?1 AND serial = ?2")),
      erase_decision_(database.prepare("DELETE FROM decided WHERE home = ?1 AND serial = ?2")),
      erase_home_(database.prepare("DELETE FROM task WHERE serial = ?1")),
      say_of_stay_(database.prepare(
          "UPDATE owned SET message = ?4 WHERE home = ?1 AND serial = ?2 AND epoch = ?3")),
      say_of_task_(database.prepare("UPDATE task SET message = ?2 WHERE serial = ?1")) {}

template <typename... Values>
void JournalTables::run(sqlite::Statement& statement, const Values&... values) {
  statement.run(values...);
  if (statement.failed()) failed_ = true;
  statement.reset();
}

bool JournalTables::take_failed() {
  return std::exchange(failed_, false);
}

// --- Writing

void JournalTables::put(const PeerRow& peer) {
  run(put_peer_, peer.id, peer.starts, peer.last_serial, peer.arrivals);
}

void JournalTables::put(core::TaskId task, const core::OwnedTask& owned,
                        const net::TaskSpec* spec) {
  const core::Needs& needs = owned.needs;
  run(put_owned_, task.home, task.serial, owned.epoch, owned.offerable, needs.memory_bytes,
      needs.bundle_bytes, needs.priority, needs.lease, owned.hops, owned.pinned, owned.held,
      owned.started, owned.ended, owned.status.kind, owned.status.value, owned.arrival,
      owned.arrived + to_wall_, owned.since + to_wall_, owned.start + to_wall_, owned.ran_before,
      bytes_of(spec));
}

void JournalTables::put(core::TaskId task, const core::PreparedCopy& copy,
                        const net::TaskSpec* spec) {
  const core::Needs& needs = copy.needs;
  run(put_prepared_, task.home, task.serial, copy.epoch, copy.source, needs.memory_bytes,
      needs.bundle_bytes, needs.priority, needs.lease, copy.hops, copy.since + to_wall_,
      copy.running, copy.ran, bytes_of(spec));
}

void JournalTables::put(core::TaskId task, const core::Decision& decision) {
  run(put_decision_, task.home, task.serial, decision.epoch, decision.destination, decision.hops);
}

void JournalTables::put(core::TaskId task, const core::HomeEntry& entry,
                        const net::TaskSpec* spec) {
  const core::Needs& needs = entry.needs;
  run(put_home_, task.serial, entry.owner, entry.epoch, entry.hops, entry.state, entry.status.kind,
      entry.status.value, needs.memory_bytes, needs.bundle_bytes, needs.priority, needs.lease,
      entry.pinned, entry.cancelling, entry.submitted + to_wall_, entry.ended + to_wall_,
      bytes_of(spec));
}

void JournalTables::erase_owned(core::TaskId task) {
  run(erase_owned_, task.home, task.serial);
}

void JournalTables::erase_prepared(core::TaskId task) {
  run(erase_prepared_, task.home, task.serial);
}

void JournalTables::erase_decision(core::TaskId task) {
  run(erase_decision_, task.home, task.serial);
}

void JournalTables::erase_home(core::TaskId task) {
  run(erase_home_, task.serial);
}

void JournalTables::say_of_stay(core::TaskId task, core::Epoch epoch, const std::string& message) {
  run(say_of_stay_, task.home, task.serial, epoch, message);
}

void JournalTables::say_of_task(core::TaskId task, const std::string& message) {
  run(say_of_task_, task.serial, message);
}

// --- Reading

bool JournalTables::load(PeerRow& peer) {
  sqlite::Statement row =
      database_.prepare("SELECT id, starts, last_serial, arrivals FROM peer WHERE only = 1");
  if (!row.run()) {
    failed_ = row.failed();
    return false;
  }
  peer = {row.get<core::PeerId>(0), row.get<std::uint32_t>(1), row.number(2), row.number(3)};
  return true;
}

bool JournalTables::load(core::PeerId self, core::Journal& journal, std::vector<SpecRow>& stays,
                         std::vector<SpecRow>& home_tasks) {
  return load_home(self, journal, home_tasks) && load_owned(journal, home_tasks, stays) &&
         load_prepared(journal, stays) && load_decided(journal);
}

bool JournalTables::load_home(core::PeerId self, core::Journal& journal,
                              std::vector<SpecRow>& tasks) {
  sqlite::Statement row = database_.prepare(
      "SELECT serial, owner, epoch, hops, state, status_kind, status_value, cancelling, submitted,"
      " ended, spec, message, memory_bytes, bundle_bytes, priority, lease, pinned"
      " FROM task ORDER BY serial");
  for (bool more = row.run(); more; more = row.step()) {
    const core::TaskId task{self, row.number(0)};
    core::HomeEntry entry;
    entry.owner = row.get<core::PeerId>(1);
    entry.epoch = row.get<core::Epoch>(2);
    entry.hops = row.get<std::uint32_t>(3);
    if (row.number(4) > static_cast<std::uint64_t>(core::HomeEntry::State::lost)) return false;
    entry.state = row.get<core::HomeEntry::State>(4);
    if (!status_of(row, 5, entry.status)) return false;
    entry.cancelling = row.number(7) != 0;
    entry.needs = needs_of(row, 12);
    entry.pinned = row.number(16) != 0;
    entry.submitted = row.get<core::Time>(8) - to_wall_;
    entry.ended = row.get<core::Time>(9) - to_wall_;
    SpecRow& kept = tasks.emplace_back(SpecRow{task, entry.epoch, {}, row.text(11)});
    if (!read_spec(row, 10, kept.spec)) return false;
    journal.home[task] = entry;
  }
  return !row.failed();
}

bool JournalTables::load_owned(core::Journal& journal, const std::vector<SpecRow>& tasks,
                               std::vector<SpecRow>& stays) {
  sqlite::Statement row = database_.prepare(
      "SELECT home, serial, epoch, offerable, memory_bytes, bundle_bytes, priority, lease, hops,"
      " pinned, held, started, ended, status_kind, status_value, arrival, arrived, since, start,"
      " ran_before, spec, message FROM owned");
  std::map<core::TaskId, const net::TaskSpec*> specs;
  for (const SpecRow& task : tasks) specs[task.task] = &task.spec;
  for (bool more = row.run(); more; more = row.step()) {
    const core::TaskId task = task_of(row);
    core::OwnedTask owned;
    owned.epoch = row.get<core::Epoch>(2);
    owned.offerable = row.get<core::Epoch>(3);
    owned.needs = needs_of(row, 4);
    owned.hops = row.get<std::uint32_t>(8);
    owned.pinned = row.number(9) != 0;
    owned.held = row.number(10) != 0;
    owned.started = row.number(11) != 0;
    owned.ended = row.number(12) != 0;
    if (!status_of(row, 13, owned.status)) return false;
    owned.arrival = row.number(15);
    owned.arrived = row.get<core::Time>(16) - to_wall_;
    owned.since = row.get<core::Time>(17) - to_wall_;
    owned.start = row.get<core::Time>(18) - to_wall_;
    owned.ran_before = row.get<core::Duration>(19);
    SpecRow& stay = stays.emplace_back(SpecRow{task, owned.epoch, {}, row.text(21)});
    const auto home = specs.find(task);
    if (row.is_null(20) && home == specs.end()) return false;
    if (row.is_null(20))
      stay.spec = *home->second;
    else if (!read_spec(row, 20, stay.spec))
      return false;
    journal.owned[task] = owned;
  }
  return !row.failed();
}

bool JournalTables::load_prepared(core::Journal& journal, std::vector<SpecRow>& stays) {
  sqlite::Statement row = database_.prepare(
      "SELECT home, serial, epoch, source, memory_bytes, bundle_bytes, priority, lease, hops,"
      " since, running, ran, spec FROM prepared");
  for (bool more = row.run(); more; more = row.step()) {
    const core::TaskId task = task_of(row);
    core::PreparedCopy copy;
    copy.epoch = row.get<core::Epoch>(2);
    copy.source = row.get<core::PeerId>(3);
    copy.needs = needs_of(row, 4);
    copy.hops = row.get<std::uint32_t>(8);
    copy.since = row.get<core::Time>(9) - to_wall_;
    copy.running = row.number(10) != 0;
    copy.ran = row.get<core::Duration>(11);
    SpecRow& stay = stays.emplace_back(SpecRow{task, copy.epoch, {}, ""});
    if (!read_spec(row, 12, stay.spec)) return false;
    journal.prepared[task] = copy;
  }
  return !row.failed();
}

bool JournalTables::load_decided(core::Journal& journal) {
  sqlite::Statement row =
      database_.prepare("SELECT home, serial, epoch, destination, hops FROM decided");
  for (bool more = row.run(); more; more = row.step())
    journal.decided[task_of(row)] = {row.get<core::Epoch>(2), row.get<core::PeerId>(3),
                                     row.get<std::uint32_t>(4)};
  return !row.failed();
}

}  // namespace peerd
