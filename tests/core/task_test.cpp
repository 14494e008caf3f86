#include "core/task.h"

#include <cstdint>
#include <vector>

#include "core/timers.h"
#include "tests/catch.h"

namespace {

using Phase = core::Task::Phase;

constexpr core::Duration kAging = 10 * core::kSecond;

core::TaskId id(std::uint64_t serial) {
  return {core::PeerId{1}, serial};
}

core::Task& add(core::TaskTable& tasks, std::uint64_t serial, core::Time arrived = 0,
                std::int32_t priority = 0) {
  core::Task task;
  task.id = id(serial);
  task.arrived = arrived;
  task.needs.priority = priority;
  return tasks.add(task, kAging);
}

// The order in which all waiting tasks start.
std::vector<std::uint64_t> start_order(core::TaskTable& tasks) {
  std::vector<std::uint64_t> order;
  while (core::Task* task = tasks.next_to_start()) {
    order.push_back(task->id.serial);
    tasks.set_phase(*task, Phase::running);
  }
  return order;
}

using Serials = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("task table: first come, first started among equals") {
  core::TaskTable tasks;
  for (const std::uint64_t serial : {5u, 3u, 9u}) add(tasks, serial);
  CHECK(start_order(tasks) == Serials{5, 3, 9});
}

TEST_CASE("task table: higher priorities start first") {
  core::TaskTable tasks;
  add(tasks, 1, 0, 0);
  add(tasks, 2, 0, 10);
  add(tasks, 3, 0, -9);
  add(tasks, 4, 0, 10);
  CHECK(start_order(tasks) == Serials{2, 4, 1, 3});
}

TEST_CASE("task table: waiting makes up for a lower priority, at the rate of aging") {
  core::TaskTable tasks;
  add(tasks, 1, 0, 0);
  add(tasks, 2, kAging - 1, 1);
  add(tasks, 3, kAging + 1, 1);
  add(tasks, 4, 19 * kAging + 1, 10);
  add(tasks, 5, 0, -9);
  CHECK(start_order(tasks) == Serials{2, 1, 3, 5, 4});
}

TEST_CASE("task table: a steady stream of higher priorities does not starve the lowest") {
  core::TaskTable tasks;
  add(tasks, 1, 0, -9);
  core::Time now = 0;
  std::uint64_t serial = 2;
  bool started = false;
  // One task of the highest priority comes and one starts, every second: 19 points are 190 s.
  for (; now <= 191 * core::kSecond && !started; now += core::kSecond) {
    add(tasks, serial++, now, 10);
    core::Task* next = tasks.next_to_start();
    REQUIRE(next != nullptr);
    started = next->id == id(1);
    tasks.set_phase(*next, Phase::running);
    tasks.remove(next->id);
  }
  CHECK(started);
  CHECK(now > 180 * core::kSecond);
}

TEST_CASE("task table: counts follow every change of phase") {
  core::TaskTable tasks;
  core::Task& first = add(tasks, 1);
  add(tasks, 2);
  CHECK(tasks.count(Phase::waiting) == 2);
  tasks.set_phase(first, Phase::leaving);
  CHECK(tasks.count(Phase::waiting) == 1);
  CHECK(tasks.count(Phase::leaving) == 1);
  CHECK(tasks.next_to_start()->id == id(2));
  // Back from a handoff that came to nothing, it has its old place.
  tasks.set_phase(first, Phase::waiting);
  CHECK(tasks.next_to_start()->id == id(1));
  tasks.set_phase(first, Phase::running);
  tasks.set_phase(first, Phase::returning);
  CHECK(tasks.count(Phase::running) == 0);
  CHECK(tasks.count(Phase::returning) == 1);
  tasks.remove(id(1));
  tasks.remove(id(2));
  for (const Phase phase : {Phase::waiting, Phase::leaving, Phase::running, Phase::returning})
    CHECK(tasks.count(phase) == 0);
  CHECK(tasks.next_to_start() == nullptr);
  CHECK(tasks.all().empty());
}

TEST_CASE("task table: looked up by id, listed by arrival") {
  core::TaskTable tasks;
  for (const std::uint64_t serial : {8u, 2u, 5u}) add(tasks, serial, 0, static_cast<int>(serial));
  CHECK(tasks.find(id(2))->needs.priority == 2);
  CHECK(tasks.find(id(3)) == nullptr);
  CHECK(tasks.find({core::PeerId{2}, 2}) == nullptr);
  Serials listed;
  for (const auto& [arrival, task] : tasks.all()) listed.push_back(task.id.serial);
  CHECK(listed == Serials{8, 2, 5});
  tasks.remove(id(2));
  CHECK(tasks.find(id(2)) == nullptr);
  add(tasks, 2);
  CHECK(tasks.all().rbegin()->second.id == id(2));
}

TEST_CASE("timers: the earliest first, and in a fixed order at one time") {
  using Kind = core::TimerKey::Kind;
  core::Timers timers;
  CHECK(timers.next() == core::kNever);
  timers.set({Kind::probe_timeout, 2}, 50);
  timers.set({Kind::probe_timeout, 1}, 50);
  timers.set({Kind::outgoing, 7, 3}, 20);
  CHECK(timers.next() == 20);
  CHECK_FALSE(timers.pop(19));
  CHECK(timers.pop(20) == core::TimerKey{Kind::outgoing, 7, 3});
  CHECK(timers.pop(100) == core::TimerKey{Kind::probe_timeout, 1});
  CHECK(timers.pop(100) == core::TimerKey{Kind::probe_timeout, 2});
  CHECK_FALSE(timers.pop(100));
}

TEST_CASE("timers: setting again replaces, cancelling removes") {
  using Kind = core::TimerKey::Kind;
  core::Timers timers;
  const core::TimerKey key{Kind::report, 1, 2};
  timers.set(key, 10);
  timers.set(key, 30);
  CHECK(timers.armed(key));
  CHECK_FALSE(timers.pop(10));
  CHECK(timers.next() == 30);
  timers.cancel(key);
  timers.cancel(key);
  CHECK_FALSE(timers.armed(key));
  CHECK(timers.next() == core::kNever);
}

TEST_CASE("timers: a task's key gives the task back") {
  const core::TaskId task{core::PeerId{77}, 12};
  CHECK(core::TimerKey::of(core::TimerKey::Kind::results, task).task() == task);
}

TEST_CASE("timers: backoff doubles up to sixteen times, then stays") {
  const std::vector<core::Duration> expected = {300, 600, 1200, 2400, 4800, 4800, 4800};
  for (std::uint32_t tries = 0; tries < expected.size(); ++tries)
    CHECK(core::backoff(300, tries) == expected[tries]);
  CHECK(core::backoff(300, UINT32_MAX) == 4800);
}
