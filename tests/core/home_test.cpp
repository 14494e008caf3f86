#include "core/home.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "core/report.h"
#include "tests/catch.h"

namespace {

using core::Persist;
using core::TaskState;
using Kind = core::ExitStatus::Kind;

constexpr core::PeerId kSelf{1};
constexpr core::PeerId kOwner{2};

struct World {
  core::Context context{.self = {.id = kSelf, .name = "self", .endpoint = {}, .incarnation = 0},
                        .config = std::make_shared<core::Config>(),
                        .rng = core::Rng(1)};

  World() {
    for (const std::uint64_t number : {2u, 3u}) {
      core::Member member;
      member.id = core::PeerId{number};
      member.endpoint.port = 7400;
      context.peers.put(member);
    }
  }

  void remember_finished(std::uint32_t tasks) {
    core::Config config;
    config.limits.finished_tasks = tasks;
    context.config = std::make_shared<core::Config>(config);
  }

  void remember_for(core::Duration retention) {
    core::Config config;
    config.limits.retention = retention;
    context.config = std::make_shared<core::Config>(config);
  }

  core::Actions take() { return std::exchange(context.actions, {}); }

  template <typename A>
  std::vector<A> take_all() {
    std::vector<A> all;
    for (const core::Action& action : take())
      if (const auto* one = std::get_if<A>(&action)) all.push_back(*one);
    return all;
  }

  std::vector<Persist::What> take_persisted() {
    std::vector<Persist::What> whats;
    for (const Persist& persist : take_all<Persist>()) whats.push_back(persist.what);
    return whats;
  }
};

core::TaskId task(std::uint64_t serial) {
  return {kSelf, serial};
}

core::TaskReport report(std::uint64_t serial, core::Epoch epoch, TaskState state,
                        core::PeerId owner = kOwner, core::ExitStatus status = {}) {
  core::TaskReport report;
  report.task = task(serial);
  report.epoch = epoch;
  report.state = state;
  report.owner = owner;
  report.status = status;
  return report;
}

// As the owner says it itself.
void tell(core::HomeRecords& home, const core::TaskReport& news) {
  home.report(news, news.owner);
}

using Whats = std::vector<Persist::What>;

}  // namespace

TEST_CASE("home: a record follows the newest epoch and believes no older one") {
  World world;
  core::HomeRecords home(world.context);
  home.add(task(1), {}, false);
  const core::HomeRecord* record = home.find(task(1));
  REQUIRE(record != nullptr);
  CHECK(record->owner == kSelf);
  CHECK(record->epoch == 1);
  CHECK(record->state == TaskState::waiting);

  tell(home, report(1, 3, TaskState::running));
  CHECK(record->owner == kOwner);
  CHECK(record->state == TaskState::running);
  CHECK(world.take_persisted() == Whats{Persist::What::moved});

  tell(home, report(1, 2, TaskState::finished, core::PeerId{3}));
  CHECK(record->owner == kOwner);
  CHECK(record->state == TaskState::running);
  // Another owner at the same epoch is no owner.
  tell(home, report(1, 3, TaskState::finished, core::PeerId{3}));
  CHECK(record->state == TaskState::running);
  // An earlier stay at the same owner has nothing to say either.
  tell(home, report(1, 2, TaskState::finished));
  CHECK(record->state == TaskState::running);
  CHECK(record->epoch == 3);
  CHECK(world.take().empty());
}

TEST_CASE("home: the end is recorded once") {
  World world;
  core::HomeRecords home(world.context);
  home.add(task(1), {}, false);
  tell(home, report(1, 2, TaskState::finished, kOwner, {Kind::exited, 3}));
  CHECK(world.take_persisted() == Whats{Persist::What::moved, Persist::What::finished});
  tell(home, report(1, 2, TaskState::finished, kOwner, {Kind::exited, 4}));
  tell(home, report(1, 3, TaskState::running, core::PeerId{3}));
  home.owner_gone(kOwner);
  CHECK(world.take().empty());
  CHECK(home.find(task(1))->status == core::ExitStatus{Kind::exited, 3});
  CHECK_FALSE(home.has_open());
}

TEST_CASE("home: lost with its owner, found again, and finished") {
  World world;
  core::HomeRecords home(world.context);
  home.add(task(1), {}, false);
  home.add(task(2), {}, false);
  tell(home, report(1, 2, TaskState::running));
  world.take();
  home.owner_gone(kOwner);
  const core::HomeRecord* record = home.find(task(1));
  CHECK(record->state == TaskState::lost);
  CHECK(record->status.kind == Kind::lost);
  CHECK_FALSE(record->open());
  CHECK(home.find(task(2))->open());
  // The user has been told: a restart must not open the record again.
  CHECK(world.take_persisted() == Whats{Persist::What::lost});

  home.enquire(kOwner);
  CHECK(world.take_all<core::Send>().size() == 1);
  tell(home, report(1, 2, TaskState::running));
  CHECK(record->open());
  CHECK(record->state == TaskState::running);
  CHECK(world.take_persisted() == Whats{Persist::What::moved});
  tell(home, report(1, 2, TaskState::finished, kOwner, {Kind::signaled, 9}));
  CHECK(record->state == TaskState::finished);
  CHECK(record->status == core::ExitStatus{Kind::signaled, 9});
}

TEST_CASE("home: an owner that does not know the task has lost it, an earlier owner has not") {
  World world;
  core::HomeRecords home(world.context);
  home.add(task(1), {}, false);
  tell(home, report(1, 3, TaskState::running));
  tell(home, report(1, 2, TaskState::unknown));
  tell(home, report(1, 3, TaskState::unknown, core::PeerId{3}));
  CHECK(home.find(task(1))->state == TaskState::running);
  tell(home, report(1, 3, TaskState::unknown));
  CHECK(home.find(task(1))->state == TaskState::lost);
}

TEST_CASE("home: a task that is found again is not forgotten as an ended one") {
  World world;
  world.remember_finished(1);
  core::HomeRecords home(world.context);
  for (const std::uint64_t serial : {1u, 2u, 3u}) home.add(task(serial), {}, false);
  tell(home, report(1, 2, TaskState::running));
  home.owner_gone(kOwner);
  tell(home, report(1, 2, TaskState::running));
  tell(home, report(2, 1, TaskState::finished, kSelf));
  tell(home, report(3, 1, TaskState::finished, kSelf));
  CHECK(home.find(task(1)) != nullptr);
  CHECK(home.find(task(2)) == nullptr);
  CHECK(home.find(task(3)) != nullptr);
}

TEST_CASE("home: the oldest ended record goes first, open ones stay") {
  World world;
  world.remember_finished(2);
  core::HomeRecords home(world.context);
  for (std::uint64_t serial = 1; serial <= 5; ++serial) home.add(task(serial), {}, false);
  for (const std::uint64_t serial : {4u, 2u, 5u}) {
    world.take();
    ++world.context.now;
    tell(home, report(serial, 1, TaskState::finished, kSelf));
  }
  const core::Actions last = world.take();
  const auto forgotten = [&](core::TaskId id) {
    return std::count_if(last.begin(), last.end(), [&](const core::Action& action) {
      const auto* one = std::get_if<core::RecordForgotten>(&action);
      return one != nullptr && one->task == id;
    });
  };
  CHECK(forgotten(task(4)) == 1);
  CHECK(home.find(task(4)) == nullptr);
  for (const std::uint64_t serial : {1u, 2u, 3u, 5u}) CHECK(home.find(task(serial)) != nullptr);
  CHECK(home.all().size() == 4);
}

TEST_CASE("home: what ended too long ago goes, by a timer or at once with a shorter retention") {
  World world;
  world.remember_for(100);
  core::HomeRecords home(world.context);
  for (std::uint64_t serial = 1; serial <= 4; ++serial) home.add(task(serial), {}, false);
  for (const std::uint64_t serial : {2u, 1u, 3u}) {
    world.context.now += 10;
    tell(home, report(serial, 1, TaskState::finished, kSelf));
  }
  CHECK(world.context.timers.next() == 110);
  world.context.now = 109;
  home.retire();
  CHECK(home.all().size() == 4);
  world.context.now = 110;
  CHECK(world.context.timers.pop(110) == core::TimerKey{core::TimerKey::Kind::retention});
  world.take();
  home.retire();
  CHECK(home.find(task(2)) == nullptr);
  CHECK(world.take_persisted() == std::vector{Persist::What::forgotten});
  CHECK(world.context.timers.next() == 120);
  world.remember_for(1);
  home.retire();
  CHECK(home.all().size() == 1);
  CHECK(home.find(task(4)) != nullptr);  // it has not ended
}

TEST_CASE("home: an owner that has lost a task and says so is not asked again") {
  World world;
  core::HomeRecords home(world.context);
  home.add(task(1), {}, false);
  tell(home, report(1, 2, TaskState::running));
  home.owner_gone(kOwner);
  REQUIRE(home.find(task(1))->state == TaskState::lost);
  home.enquire(kOwner);
  const auto enquiry = core::TimerKey::of(core::TimerKey::Kind::enquiry, task(1));
  CHECK(world.context.timers.armed(enquiry));
  tell(home, report(1, 2, TaskState::unknown));
  CHECK_FALSE(world.context.timers.armed(enquiry));
}

TEST_CASE("home: a foreign or unknown task has no record") {
  World world;
  core::HomeRecords home(world.context);
  home.add(task(1), {}, false);
  CHECK(home.find({kOwner, 1}) == nullptr);
  CHECK(home.find(task(2)) == nullptr);
  tell(home, report(2, 1, TaskState::running));
  CHECK(home.find(task(2)) == nullptr);
  CHECK_FALSE(home.cancel(task(2)));
}

TEST_CASE("home: a cancellation is noted once, and repeated to a remote owner") {
  World world;
  core::HomeRecords home(world.context);
  home.add(task(1), {}, false);
  tell(home, report(1, 2, TaskState::running));
  world.take();
  CHECK(home.cancel(task(1)));
  CHECK(world.take_all<core::Send>().size() == 2);  // TaskQuery and Cancel
  CHECK_FALSE(home.cancel(task(1)));
  home.on_enquiry_timer(task(1));
  CHECK(world.take_all<core::Send>().size() == 2);
  tell(home, report(1, 2, TaskState::finished, kOwner, {Kind::cancelled, 0}));
  world.take();
  home.on_enquiry_timer(task(1));
  CHECK(world.take().empty());
  CHECK_FALSE(
      world.context.timers.armed(core::TimerKey::of(core::TimerKey::Kind::enquiry, task(1))));
}

TEST_CASE("reports: what changes twice in one step is told once, the newest") {
  World world;
  core::Reports reports(world.context);
  core::TaskReport news = report(1, 2, TaskState::waiting, kSelf);
  news.task = {kOwner, 1};
  reports.tell(news);
  news.state = TaskState::running;
  reports.tell(news);
  CHECK(world.take().empty());
  reports.flush();
  const auto sent = world.take_all<core::Send>();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].to == kOwner);
  CHECK(std::get<core::TaskReport>(sent[0].message).state == TaskState::running);
  reports.flush();
  CHECK(world.take().empty());
}

TEST_CASE("reports: repeated until the newest is acknowledged") {
  World world;
  core::Reports reports(world.context);
  core::TaskReport news = report(1, 2, TaskState::returning, kSelf);
  news.task = {kOwner, 1};
  reports.tell(news);
  reports.flush();
  news.state = TaskState::finished;
  reports.tell(news);
  reports.flush();
  CHECK(world.take_all<core::Send>().size() == 2);
  CHECK_FALSE(reports.on_ack({news.task, 2, TaskState::returning}));
  CHECK_FALSE(reports.on_ack({news.task, 1, TaskState::finished}));
  CHECK_FALSE(reports.empty());
  reports.on_timer(news.task);
  CHECK(world.take_all<core::Send>().size() == 1);
  CHECK(reports.on_ack({news.task, 2, TaskState::finished}));
  CHECK(reports.empty());
  CHECK(world.context.timers.next() == core::kNever);
  reports.on_timer(news.task);
  CHECK(world.take().empty());
}

TEST_CASE("reports: a forgotten home node is told nothing any more") {
  World world;
  core::Reports reports(world.context);
  core::TaskReport to_owner = report(1, 2, TaskState::running, kSelf);
  to_owner.task = {kOwner, 1};
  core::TaskReport to_other = to_owner;
  to_other.task = {core::PeerId{3}, 1};
  reports.tell(to_owner);
  reports.tell(to_other);
  reports.drop(kOwner);
  reports.flush();
  const auto sent = world.take_all<core::Send>();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].to == core::PeerId{3});
}
