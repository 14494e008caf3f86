#include "peerd/journal_store.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>

namespace peerd {
namespace {

using Record = core::Persist::What;

// Enough for the ends of some thousands of tasks.
constexpr off_t kReserveBytes = 1 << 20;

core::Time wall_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * core::kSecond + now.tv_nsec / 1000;
}

core::PeerId draw_id() {
  std::uint64_t number = 0;
  while (number == 0)
    if (::getrandom(&number, sizeof number, 0) != sizeof number) number = 0;
  return core::PeerId{number};
}

template <typename Entry>
std::optional<Entry> entry_of(const std::map<core::TaskId, Entry>& entries, core::TaskId task) {
  const auto found = entries.find(task);
  return found == entries.end() ? std::nullopt : std::optional<Entry>(found->second);
}

template <typename Entry>
void restore(std::map<core::TaskId, Entry>& entries, core::TaskId task,
             const std::optional<Entry>& entry) {
  if (entry)
    entries[task] = *entry;
  else
    entries.erase(task);
}

StartError damaged(const std::string& path, const std::string& why) {
  return {StartError::kDataError,
          path + " is damaged (" + why +
              "); restore it from a copy, or remove the whole state directory to start as a new "
              "peer"};
}

}  // namespace

struct JournalStore::Before {
  std::optional<core::OwnedTask> owned;
  std::optional<core::PreparedCopy> prepared;
  std::optional<core::Decision> decided;
  std::optional<core::HomeEntry> home;
};

std::variant<JournalStore, StartError> JournalStore::open(const std::string& state_directory,
                                                          core::Time now) {
  auto lock = StateLock::take(state_directory);
  if (auto* error = std::get_if<StartError>(&lock)) return *error;
  const std::string path = state_directory + "/journal.db";
  const mode_t before = ::umask(0077);
  auto database = std::make_unique<sqlite::Database>(path);
  const bool opened = database->execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 200; "
      "PRAGMA wal_autocheckpoint = 256");
  ::umask(before);
  const auto unusable = [&](const std::string& why) {
    if (database->is_damaged()) return damaged(path, why);
    return StartError{StartError::kCannotCreate, "cannot use " + path + ": " + why};
  };
  if (!opened) return unusable(database->error());
  if (std::string why; !JournalTables::migrate(*database, why)) {
    if (database->error().empty()) return StartError{StartError::kDataError, path + " " + why};
    return unusable(why);
  }
  sqlite::Database& opened_database = *database;
  JournalStore store(state_directory, std::get<StateLock>(std::move(lock)), std::move(database));
  database = nullptr;
  store.tables_ = std::make_unique<JournalTables>(opened_database);
  if (const std::string why = store.load(now); !why.empty()) return damaged(path, why);
  ++store.peer_.starts;
  store.tables_->put(store.peer_);
  if (store.tables_->take_failed())
    return StartError{StartError::kCannotCreate,
                      "cannot write " + path + ": " + opened_database.error()};
  if (const std::string why = store.restore_reserve(); !why.empty())
    return StartError{StartError::kCannotCreate, why};
  return store;
}

// Empty, or what is wrong.
std::string JournalStore::load(core::Time now) {
  tables_->set_to_wall(wall_clock() - now);
  if (!tables_->load(peer_)) {
    if (tables_->take_failed()) return database_->error();
    peer_.id = draw_id();
    return "";
  }
  if (peer_.id == core::PeerId::none || peer_.starts == std::numeric_limits<std::uint32_t>::max())
    return "it says nothing of this peer that makes sense";
  journal_.last_serial = peer_.last_serial;
  journal_.arrivals = peer_.arrivals;
  if (!tables_->load(peer_.id, journal_, recovered_.stays, recovered_.home_tasks)) {
    const std::string error = database_->error();
    return error.empty() ? "a row makes no sense" : error;
  }
  recovered_.journal = journal_;
  return "";
}

std::string JournalStore::commit(std::span<const Entry> entries, core::Time now) {
  tables_->set_to_wall(wall_clock() - now);
  std::map<core::TaskId, Before> touched;
  const PeerRow peer = peer_;
  for (const Entry& entry : entries) {
    const core::TaskId task = entry.record.task;
    if (!touched.contains(task))
      touched[task] = {entry_of(journal_.owned, task), entry_of(journal_.prepared, task),
                       entry_of(journal_.decided, task), entry_of(journal_.home, task)};
    journal_.apply(entry.record);
  }
  peer_.last_serial = journal_.last_serial;
  peer_.arrivals = journal_.arrivals;
  const bool peer_changed =
      peer_.last_serial != peer.last_serial || peer_.arrivals != peer.arrivals;
  std::string error = transact(entries, touched, peer_changed);
  if (!error.empty() && has_reserve_) {
    ::unlink(reserve_path_.c_str());
    has_reserve_ = false;
    error = transact(entries, touched, peer_changed);
  }
  if (!error.empty()) undo(touched, peer);
  return error;
}

std::string JournalStore::transact(std::span<const Entry> entries,
                                   const std::map<core::TaskId, Before>& touched,
                                   bool peer_changed) {
  if (database_->execute("BEGIN IMMEDIATE")) {
    if (peer_changed) tables_->put(peer_);
    if (write(entries, touched) && database_->execute("COMMIT")) return "";
  }
  const std::string error = database_->error();
  tables_->take_failed();
  database_->execute("ROLLBACK");
  return error.empty() ? "a write failed" : error;
}

std::string JournalStore::restore_reserve() {
  const UniqueFd file(::open(reserve_path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const int error = file ? ::posix_fallocate(file.get(), 0, kReserveBytes) : errno;
  has_reserve_ = error == 0;
  if (has_reserve_) return "";
  ::unlink(reserve_path_.c_str());
  return "no room for " + reserve_path_ + ": " + std::strerror(error);
}

// Of each task what has changed, whatever the number of its records.
bool JournalStore::write(std::span<const Entry> entries,
                         const std::map<core::TaskId, Before>& touched) {
  std::map<core::TaskId, const net::TaskSpec*> specs;
  for (const Entry& entry : entries)
    if (entry.spec != nullptr) specs[entry.record.task] = entry.spec;
  for (const auto& [task, before] : touched) {
    const auto found = specs.find(task);
    const net::TaskSpec* spec = found == specs.end() ? nullptr : found->second;
    const auto owned = entry_of(journal_.owned, task);
    const auto prepared = entry_of(journal_.prepared, task);
    const auto decided = entry_of(journal_.decided, task);
    const auto home = entry_of(journal_.home, task);
    if (home && home != before.home) tables_->put(task, *home, spec);
    if (!home && before.home) tables_->erase_home(task);
    const bool stayed = owned && before.owned && owned->arrival == before.owned->arrival;
    if (before.owned && !stayed) tables_->erase_owned(task);
    // A task of this home has its specification there.
    if (owned && owned != before.owned) tables_->put(task, *owned, home ? nullptr : spec);
    if (prepared && prepared != before.prepared) tables_->put(task, *prepared, spec);
    if (!prepared && before.prepared) tables_->erase_prepared(task);
    if (decided && decided != before.decided) tables_->put(task, *decided);
    if (!decided && before.decided) tables_->erase_decision(task);
  }
  for (const Entry& entry : entries) {
    if (entry.message.empty()) continue;
    if (entry.record.what == Record::exited)
      tables_->say_of_stay(entry.record.task, entry.record.epoch, entry.message);
    else
      tables_->say_of_task(entry.record.task, entry.message);
  }
  return !tables_->take_failed();
}

void JournalStore::undo(const std::map<core::TaskId, Before>& touched, const PeerRow& peer) {
  for (const auto& [task, before] : touched) {
    restore(journal_.owned, task, before.owned);
    restore(journal_.prepared, task, before.prepared);
    restore(journal_.decided, task, before.decided);
    restore(journal_.home, task, before.home);
  }
  peer_ = peer;
  journal_.last_serial = peer.last_serial;
  journal_.arrivals = peer.arrivals;
}

}  // namespace peerd
