#include "peerd/journal_store.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/rng.h"
#include "peerd/sqlite.h"
#include "tests/catch.h"
#include "tests/peerd/scratch_directory.h"

using core::Persist;
using peerd::JournalStore;
using peerd::StartError;

namespace {

using What = Persist::What;
using Entry = JournalStore::Entry;

constexpr core::PeerId kOther{77};
const net::TaskSpec kSpec{.arguments = {"sort", "-n"},
                          .environment = {"LANG=C"},
                          .directory = {},
                          .stdin_path = "/data/in",
                          .inputs = {},
                          .outputs = {{"out", "/data/out"}}};

JournalStore opened(const std::string& directory, core::Time now = 0) {
  auto result = JournalStore::open(directory, now);
  if (const auto* error = std::get_if<StartError>(&result)) FAIL(error->text);
  return std::get<JournalStore>(std::move(result));
}

StartError failed(const std::string& directory) {
  auto result = JournalStore::open(directory, 0);
  const auto* error = std::get_if<StartError>(&result);
  REQUIRE(error != nullptr);
  return *error;
}

// While it lives no file can be written to: the test's stand-in for a full disk.
class FullDisk {
 public:
  FullDisk() {
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

unsigned mode_of(const std::string& path) {
  struct stat status;
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777u;
}

Entry submitted(const JournalStore& store, std::uint64_t serial) {
  return {{.what = What::submitted,
           .task = {store.id(), serial},
           .epoch = 1,
           .peer = store.id(),
           .needs = {1 << 20, 4096, -3, 30 * core::kSecond},
           .pinned = serial % 2 == 0},
          &kSpec,
          ""};
}

// Clocks differ between two lives by what the wall clock was set in between: not at all here.
bool about(core::Time one, core::Time other) {
  return std::abs(one - other) < 10 * core::kSecond;
}

// A peer's journal in some order that a node might write it in.
class Story {
 public:
  Story(core::PeerId self, std::uint64_t seed) : self_(self), chance_(seed) {}

  // The next record of a random task.
  Entry next() {
    while (true) {
      const core::TaskId task{chance_.below(2) == 0 ? self_ : kOther, 1 + chance_.below(30)};
      if (auto entry = next_of(task)) {
        entry->record.at = ++now_;
        fold_.apply(entry->record);
        return *entry;
      }
    }
  }
  const core::Journal& fold() const { return fold_; }

 private:
  std::optional<Entry> next_of(core::TaskId task) {
    const std::uint64_t choice = chance_.below(3);
    Persist record{.task = task, .peer = kOther, .since = now_ / 2, .needs = {1, 2, 3, 4}};
    const auto owned = fold_.owned.find(task);
    const bool home = fold_.home.contains(task);
    if (fold_.prepared.contains(task)) {
      record.epoch = fold_.prepared.at(task).epoch;
      record.running = fold_.prepared.at(task).running;
      record.ran = fold_.prepared.at(task).ran;
      record.what = choice == 0 ? What::aborted : What::owned;
      return Entry{record, record.what == What::owned ? &kSpec : nullptr, ""};
    }
    if (owned == fold_.owned.end()) {
      if (fold_.decided.contains(task) && choice == 0) {
        record.what = What::settled;
        return Entry{record};
      }
      const bool open = home && fold_.home.at(task).state == core::HomeEntry::State::open;
      if (open && choice == 2) {
        record.what = What::restarted;
        record.epoch = core::first_epoch_after(core::restarts_of(fold_.home.at(task).epoch) + 1);
        record.peer = self_;
        return Entry{record};
      }
      if (home && choice == 1) {
        record.what = fold_.home.at(task).state == core::HomeEntry::State::open ? What::lost
                                                                                : What::forgotten;
        record.status = {core::ExitStatus::Kind::lost, 0};
        return Entry{record, nullptr, record.what == What::lost ? "lost with it" : ""};
      }
      if (task.home == self_ && !home) {
        record.what = What::submitted;
        record.epoch = 1;
        record.peer = self_;
        return Entry{record, &kSpec, ""};
      }
      record.what = What::prepared;
      record.epoch = 9 + static_cast<core::Epoch>(now_);
      record.hops = 3;
      record.running = choice == 2;
      record.ran = 5;
      return Entry{record, &kSpec, ""};
    }
    record.epoch = owned->second.epoch;
    if (owned->second.ended) {
      record.what = home && choice > 0 ? What::finished : What::discarded;
      record.status = owned->second.status;
      return Entry{record, nullptr, record.what == What::finished ? "well done" : ""};
    }
    if (owned->second.started) {
      record.what = What::exited;
      record.status = {core::ExitStatus::Kind::signaled, 9};
      return Entry{record, nullptr, "shot"};
    }
    if (chance_.below(4) == 0) {
      record.what = What::held;
      record.held = !owned->second.held;
      return Entry{record};
    }
    record.ran = 6;
    record.what = choice == 0 ? What::started : choice == 1 ? What::offering : What::handed_off;
    record.epoch += choice == 1 ? 128 : choice == 2 ? 1 : 0;
    return Entry{record};
  }

  core::PeerId self_;
  core::Rng chance_;
  core::Journal fold_;
  core::Time now_ = 0;
};

template <typename Entries, typename Forget>
void forget_times(Entries& entries, Forget forget) {
  for (auto& [task, entry] : entries) forget(entry);
}

core::Journal timeless(core::Journal journal) {
  forget_times(journal.owned, [](auto& entry) { entry.arrived = entry.since = entry.start = 0; });
  forget_times(journal.prepared, [](auto& entry) { entry.since = 0; });
  forget_times(journal.home, [](auto& entry) { entry.submitted = entry.ended = 0; });
  return journal;
}

}  // namespace

TEST_CASE("journal store: an identity is drawn once and kept; starts are counted") {
  ScratchDirectory one, other;
  const core::PeerId id = opened(one.path()).id();
  CHECK(id != core::PeerId::none);
  CHECK(opened(other.path()).id() != id);
  const JournalStore again = opened(one.path());
  CHECK(again.id() == id);
  CHECK(again.starts() == 2);
  CHECK(again.incarnation() == core::first_incarnation(2));
}

TEST_CASE("journal store: a state directory serves one daemon at a time") {
  ScratchDirectory scratch;
  {
    const JournalStore first = opened(scratch.path());
    const StartError error = failed(scratch.path());
    CHECK(error.exit_code == 75);
    CHECK(error.text == scratch.path() + " is in use by peerd (pid " + std::to_string(::getpid()) +
                            "); stop it, or set another node.state_directory");
  }
  CHECK(opened(scratch.path()).starts() == 2);
}

TEST_CASE("journal store: the state directory and what is above it are the owner's alone") {
  ScratchDirectory scratch;
  opened(scratch / "a/b");
  CHECK(mode_of(scratch / "a") == 0700);
  CHECK(mode_of(scratch / "a/b") == 0700);
  CHECK(mode_of(scratch / "a/b/journal.db") == 0600);
}

TEST_CASE("journal store: a state directory that cannot be made is said so") {
  ScratchDirectory scratch;
  scratch.write("file", "");
  const StartError error = failed(scratch / "file/state");
  CHECK(error.exit_code == 73);
  CHECK(error.text == "cannot create " + (scratch / "file/state") +
                          ": Not a directory; set node.state_directory to a place that can be "
                          "written");
  CHECK(failed("/proc/peerd").exit_code == 73);
}

TEST_CASE("journal store: a damaged journal is never guessed at") {
  ScratchDirectory scratch;
  const std::string path = scratch / "journal.db";
  const std::string mend =
      "; restore it from a copy, or remove the whole state directory to start as a new peer";
  SECTION("not a database") {
    scratch.write("journal.db", std::string(5000, 'x'));
    CHECK(failed(scratch.path()).text == path + " is damaged (file is not a database)" + mend);
    CHECK(failed(scratch.path()).exit_code == 65);
    CHECK(scratch.read("journal.db") == std::string(5000, 'x'));
  }
  SECTION("a page is overwritten") {
    {
      JournalStore store = opened(scratch.path());
      REQUIRE(store.commit(std::vector{submitted(store, 1)}, 0).empty());
    }
    std::string bytes = scratch.read("journal.db");
    REQUIRE(bytes.size() > 8192);
    for (std::size_t at = 4096; at < bytes.size(); ++at) bytes[at] = 'x';
    scratch.write("journal.db", bytes);
    const StartError error = failed(scratch.path());
    CHECK(error.exit_code == 65);
    CHECK(error.text.find("is damaged") != error.text.npos);
  }
  SECTION("a row makes no sense") {
    {
      JournalStore store = opened(scratch.path());
      REQUIRE(store.commit(std::vector{submitted(store, 1)}, 0).empty());
    }
    const char* change =
        GENERATE("UPDATE task SET spec = x'00'", "UPDATE task SET state = 9",
                 "UPDATE owned SET status_kind = 77", "UPDATE peer SET id = 0", "DELETE FROM task");
    REQUIRE(peerd::sqlite::Database(path).execute(change));
    const StartError error = failed(scratch.path());
    CHECK(error.exit_code == 65);
    CHECK(error.text.find("makes") != error.text.npos);
  }
  SECTION("a newer peerd's") {
    opened(scratch.path());
    REQUIRE(peerd::sqlite::Database(path).execute("PRAGMA user_version = 1000"));
    const StartError error = failed(scratch.path());
    CHECK(error.exit_code == 65);
    CHECK(error.text == path +
                            " was written by a newer peerd (its version is 1000, this peerd "
                            "knows 1)");
  }
}

TEST_CASE("journal store: what is committed comes back, whatever the story and its batches") {
  const std::uint64_t seed = GENERATE(range<std::uint64_t>(1, 21));
  ScratchDirectory scratch;
  core::Journal fold;
  {
    JournalStore store = opened(scratch.path());
    Story story(store.id(), seed);
    core::Rng chance(seed);
    for (int batch = 0; batch < 40; ++batch) {
      std::vector<Entry> entries;
      for (std::uint64_t left = 1 + chance.below(20); left > 0; --left)
        entries.push_back(story.next());
      REQUIRE(store.commit(entries, 0).empty());
    }
    fold = story.fold();
  }
  JournalStore store = opened(scratch.path());
  const JournalStore::Recovered recovered = store.take_recovered();
  CHECK(timeless(recovered.journal) == timeless(fold));
  CHECK(recovered.stays.size() == fold.owned.size() + fold.prepared.size());
  for (const peerd::SpecRow& stay : recovered.stays) {
    CHECK(stay.spec == kSpec);
    CHECK(fold.holds(stay.task, stay.epoch));
    const auto owned = fold.owned.find(stay.task);
    CHECK(stay.message == (owned != fold.owned.end() && owned->second.ended ? "shot" : ""));
  }
  CHECK(recovered.home_tasks.size() == fold.home.size());
  for (const peerd::SpecRow& task : recovered.home_tasks) CHECK(task.spec == kSpec);
}

TEST_CASE("journal store: times are carried over to the next life's clock") {
  ScratchDirectory scratch;
  const core::Time hour = 3600 * core::kSecond;
  core::TaskId task;
  {
    JournalStore store = opened(scratch.path(), 10 * hour);
    Entry entry = submitted(store, 1);
    task = entry.record.task;
    entry.record.at = 9 * hour;  // an hour before now
    Entry started{{.what = What::started, .task = task, .epoch = 1, .at = 10 * hour}};
    REQUIRE(store.commit(std::vector{entry, started}, 10 * hour).empty());
  }
  // The board was started anew: its clock begins at zero.
  const core::Journal journal = opened(scratch.path(), 0).take_recovered().journal;
  CHECK(about(journal.home.at(task).submitted, -hour));
  CHECK(about(journal.owned.at(task).since, -hour));
  CHECK(about(journal.owned.at(task).start, 0));
}

TEST_CASE("journal store: a full disk leaves nothing of a batch, and all of it later") {
  ScratchDirectory scratch;
  {
    JournalStore store = opened(scratch.path());
    REQUIRE(store.commit(std::vector{submitted(store, 1)}, 0).empty());
    const std::vector<Entry> batch = {
        submitted(store, 2), {{.what = What::started, .task = {store.id(), 1}, .epoch = 1}}};
    {
      const FullDisk full;
      CHECK(store.has_reserve());
      CHECK_FALSE(store.commit(batch, 0).empty());
      CHECK_FALSE(store.has_reserve());
      CHECK_FALSE(store.commit(batch, 0).empty());
      CHECK_FALSE(store.restore_reserve().empty());
    }
    CHECK(store.commit(batch, 0).empty());
    CHECK(store.restore_reserve().empty());
    CHECK(store.has_reserve());
  }
  JournalStore store = opened(scratch.path());
  const core::Journal journal = store.take_recovered().journal;
  CHECK(journal.owned.at({store.id(), 1}).started);
  CHECK(journal.owned.at({store.id(), 2}).arrival == 1);
  CHECK(journal.last_serial == 2);
}

TEST_CASE("journal store: a full disk fails the start") {
  ScratchDirectory scratch;
  opened(scratch.path());
  {
    const FullDisk full;
    CHECK(failed(scratch.path()).exit_code == 73);
  }
  CHECK(opened(scratch.path()).starts() == 2);
}

TEST_CASE("journal store: what was committed when the daemon was killed is there") {
  ScratchDirectory scratch;
  int told[2];
  REQUIRE(::pipe(told) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto result = JournalStore::open(scratch.path(), 0);
    auto& store = std::get<JournalStore>(result);
    for (std::uint64_t serial = 1;; ++serial) {
      if (!store.commit(std::vector{submitted(store, serial)}, 0).empty()) ::_exit(1);
      if (::write(told[1], "x", 1) != 1) ::_exit(1);
    }
  }
  char mark = 0;
  for (int committed = 0; committed < 50; ++committed) REQUIRE(::read(told[0], &mark, 1) == 1);
  ::kill(child, SIGKILL);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  ::close(told[0]);
  ::close(told[1]);
  const core::Journal journal = opened(scratch.path()).take_recovered().journal;
  CHECK(journal.last_serial >= 50);
  CHECK(journal.home.size() == journal.last_serial);
}
