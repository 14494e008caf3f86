#include "core/journal.h"

#include <vector>

#include "tests/catch.h"

namespace {

using core::Journal;
using core::Persist;
using What = Persist::What;

constexpr core::PeerId kSelf{1};
constexpr core::PeerId kOther{2};
constexpr core::TaskId kOwn{kSelf, 7};
constexpr core::TaskId kGuest{kOther, 3};

Journal after(const std::vector<Persist>& records) {
  Journal journal;
  for (const Persist& record : records) journal.apply(record);
  return journal;
}

const Persist kSubmitted{
    .what = What::submitted, .task = kOwn, .epoch = 1, .peer = kSelf, .pinned = true};
const Persist kPrepared{
    .what = What::prepared, .task = kGuest, .epoch = 4, .peer = kOther, .hops = 2};
const Persist kOwned{.what = What::owned, .task = kGuest, .epoch = 4, .peer = kOther, .hops = 2};

}  // namespace

TEST_CASE("journal: a submitted task is owned and has a record until it is told to go") {
  Journal journal = after({kSubmitted});
  CHECK(journal.last_serial == 7);
  CHECK(journal.owned.at(kOwn).pinned);
  CHECK_FALSE(journal.owned.at(kOwn).started);
  CHECK(journal.home.at(kOwn).owner == kSelf);
  CHECK(journal.holds(kOwn, 1));
  CHECK_FALSE(journal.holds(kOwn, 2));

  journal.apply({.what = What::started, .task = kOwn, .epoch = 1});
  CHECK(journal.owned.at(kOwn).started);
  journal.apply({.what = What::exited, .task = kOwn, .epoch = 1, .status = {{}, 5}});
  CHECK(journal.owned.at(kOwn).ended);
  CHECK(journal.owned.at(kOwn).status.value == 5);
  journal.apply({.what = What::finished, .task = kOwn, .epoch = 1, .status = {{}, 5}});
  CHECK(journal.holds(kOwn, 1));
  journal.apply({.what = What::discarded, .task = kOwn, .epoch = 1});
  CHECK_FALSE(journal.holds(kOwn, 1));
  CHECK(journal.home.at(kOwn).state == core::HomeEntry::State::finished);
  CHECK(journal.home.at(kOwn).status.value == 5);
  journal.apply({.what = What::forgotten, .task = kOwn});
  CHECK(journal.home.empty());
  CHECK(journal.last_serial == 7);
}

TEST_CASE("journal: a user's hold and the time that a process ran before are kept") {
  Journal journal = after({kSubmitted});
  journal.apply({.what = What::held, .task = kOwn, .epoch = 1, .held = true});
  CHECK(journal.owned.at(kOwn).held);
  journal.apply({.what = What::held, .task = kOwn, .epoch = 1, .held = false});
  CHECK_FALSE(journal.owned.at(kOwn).held);
  journal.apply({.what = What::started, .task = kOwn, .epoch = 1, .ran = 5});
  CHECK(journal.owned.at(kOwn).ran_before == 5);
  Persist prepared = kPrepared;
  prepared.ran = 7;
  Persist owned = kOwned;
  owned.ran = 7;
  CHECK(after({prepared}).prepared.at(kGuest).ran == 7);
  CHECK(after({prepared, owned}).owned.at(kGuest).ran_before == 7);
}

TEST_CASE("journal: a task that is begun anew, and what is kept for that") {
  Persist submitted = kSubmitted;
  submitted.needs.lease = core::kSecond;
  const Persist handed_off{.what = What::handed_off, .task = kOwn, .epoch = 2, .peer = kOther};
  const Persist moved{.what = What::moved, .task = kOwn, .epoch = 2, .peer = kOther};
  const core::Epoch epoch = core::first_epoch_after(1);
  Journal journal = after({submitted, handed_off, moved});
  CHECK(journal.holds(kOwn, 0));
  journal.apply({.what = What::restarted,
                 .task = kOwn,
                 .epoch = epoch,
                 .peer = kSelf,
                 .needs = submitted.needs,
                 .pinned = true});
  CHECK(journal.home.at(kOwn).owner == kSelf);
  CHECK(journal.home.at(kOwn).epoch == epoch);
  CHECK(journal.owned.at(kOwn).epoch == epoch);
  CHECK(journal.owned.at(kOwn).needs == submitted.needs);
  CHECK_FALSE(journal.owned.at(kOwn).started);
  CHECK(journal.holds(kOwn, epoch));
  journal.apply({.what = What::finished, .task = kOwn, .epoch = epoch});
  CHECK_FALSE(journal.holds(kOwn, 0));
  CHECK_FALSE(after({kSubmitted}).holds(kOwn, 0));
}

TEST_CASE("journal: a move, seen from both ends") {
  Journal destination = after({kPrepared});
  CHECK(destination.holds(kGuest, 4));
  CHECK(destination.prepared.at(kGuest).source == kOther);
  SECTION("which succeeds") {
    destination.apply(kOwned);
    CHECK(destination.prepared.empty());
    CHECK(destination.owned.at(kGuest).hops == 2);
    CHECK(destination.holds(kGuest, 4));
  }
  SECTION("which is called off") {
    destination.apply({.what = What::aborted, .task = kGuest, .epoch = 4});
    CHECK(destination == Journal{});
  }

  const Persist handed_off{
      .what = What::handed_off, .task = kOwn, .epoch = 3, .peer = kOther, .hops = 1};
  const Persist moved{.what = What::moved, .task = kOwn, .epoch = 3, .peer = kOther, .hops = 1};
  Journal source = after({kSubmitted, handed_off, moved});
  CHECK(source.owned.empty());
  CHECK(source.decided.at(kOwn).destination == kOther);
  CHECK(source.home.at(kOwn).owner == kOther);
  CHECK(source.home.at(kOwn).epoch == 3);
  SECTION("all know") {
    source.apply({.what = What::settled, .task = kOwn, .epoch = 3});
    CHECK(source.decided.empty());
  }
  SECTION("it comes back before all know") {
    source.apply({.what = What::owned, .task = kOwn, .epoch = 4, .peer = kOther, .hops = 2});
    CHECK(source.decided.empty());
    CHECK(source.holds(kOwn, 4));
  }
}

TEST_CASE("journal: epochs that may have been offered are known") {
  Journal journal = after({kSubmitted});
  CHECK(journal.owned.at(kOwn).offerable == 1 + core::kEpochsAhead);
  journal.apply({.what = What::offering, .task = kOwn, .epoch = 500});
  CHECK(journal.owned.at(kOwn).offerable == 500);
}

TEST_CASE("journal: what was lost may be found again, and a wish is kept") {
  Journal journal = after({kSubmitted, {.what = What::lost, .task = kOwn, .epoch = 1}});
  CHECK(journal.home.at(kOwn).state == core::HomeEntry::State::lost);
  journal.apply({.what = What::moved, .task = kOwn, .epoch = 1, .peer = kSelf});
  CHECK(journal.home.at(kOwn).state == core::HomeEntry::State::open);
  journal.apply({.what = What::cancelling, .task = kOwn, .epoch = 1});
  CHECK(journal.home.at(kOwn).cancelling);
}

TEST_CASE("journal: tasks keep the order in which they came") {
  const Persist later{.what = What::submitted, .task = {kSelf, 8}, .epoch = 1, .peer = kSelf};
  const Journal journal = after({kOwned, kSubmitted, later});
  CHECK(journal.owned.at(kGuest).arrival < journal.owned.at(kOwn).arrival);
  CHECK(journal.owned.at(kOwn).arrival < journal.owned.at({kSelf, 8}).arrival);
}
