// A board's processors against schedules worked out by hand. Times in microseconds.
#include "sim/cpu.h"

#include <utility>
#include <vector>

#include "tests/catch.h"

using sim::Cpu;

namespace {

constexpr core::PeerId kHome{1};

core::TaskId task(std::uint64_t serial) {
  return {kHome, serial};
}

using Ends = std::vector<std::pair<core::Time, std::uint64_t>>;

// Lets everything end: when, and which. Looks whenever the Cpu wants to be asked, as the world
// does.
Ends ends(Cpu& cpu, core::Time from) {
  Ends all;
  core::Time now = from;
  while (cpu.next_change() != core::kNever) {
    now = std::max(now, cpu.next_change());
    cpu.advance(now);
    for (auto end = cpu.next_end(); end && end->first <= now; end = cpu.next_end()) {
      all.emplace_back(now, end->second.serial);
      cpu.remove(now, end->second);
    }
  }
  return all;
}

}  // namespace

TEST_CASE("nothing happens on an idle board") {
  Cpu cpu(4, 1000);
  CHECK(!cpu.next_end());
  CHECK(cpu.next_change() == core::kNever);
  CHECK(cpu.busy(1000) == 0);
}

TEST_CASE("each process has a processor of its own while there are enough") {
  Cpu cpu(3, 1000);
  cpu.start(0, task(1), 100);
  cpu.start(0, task(2), 30);
  cpu.start(10, task(3), 50);
  CHECK(cpu.next_end() == std::pair{core::Time{30}, task(2)});
  CHECK(ends(cpu, 10) == Ends{{30, 2}, {60, 3}, {100, 1}});
  CHECK(cpu.busy(200) == 180);
}

TEST_CASE("equal ends come in the order of identities") {
  Cpu cpu(2, 1000);
  cpu.start(0, task(2), 10);
  cpu.start(0, task(1), 10);
  CHECK(ends(cpu, 0) == Ends{{10, 1}, {10, 2}});
}

TEST_CASE("one processor is shared in equal parts") {
  Cpu cpu(1, 1000);
  cpu.start(0, task(1), 10);
  cpu.start(2, task(2), 4);
  // Both at half the speed: the second has its 4 at 10; the first had 2 + 4 by then.
  CHECK(ends(cpu, 2) == Ends{{10, 2}, {14, 1}});
  CHECK(cpu.busy(20) == 14);
}

TEST_CASE("two processors are shared by three processes") {
  Cpu cpu(2, 1000);
  for (std::uint64_t serial = 1; serial <= 3; ++serial) cpu.start(0, task(serial), 20);
  CHECK(ends(cpu, 0) == Ends{{30, 1}, {30, 2}, {30, 3}});
  CHECK(cpu.busy(30) == 60);
}

TEST_CASE("a faster board needs less time, rounded up") {
  const auto end = [](std::uint32_t speed, core::Duration work) {
    Cpu cpu(1, speed);
    cpu.start(5, task(1), work);
    return cpu.next_end()->first - 5;
  };
  CHECK(end(1000, 10) == 10);
  CHECK(end(2000, 10) == 5);
  CHECK(end(3000, 10) == 4);
  CHECK(end(500, 10) == 20);
  CHECK(end(10, 1) == 100);
  CHECK(end(1'000'000, 1) == 1);
}

TEST_CASE("time on a processor counts as such on a fast board") {
  Cpu cpu(2, 2000);
  cpu.start(0, task(1), 100);
  CHECK(ends(cpu, 0) == Ends{{50, 1}});
  CHECK(cpu.busy(100) == 50);
}

TEST_CASE("work of the system's own goes first") {
  Cpu cpu(1, 1000);
  cpu.start(0, task(1), 10);
  cpu.charge(2, 3);
  CHECK(!cpu.next_end());
  CHECK(cpu.next_change() == 5);
  CHECK(ends(cpu, 2) == Ends{{13, 1}});
  CHECK(cpu.busy(13) == 13);
  CHECK(cpu.overhead() == 3);
}

TEST_CASE("charges queue up, and nothing is no charge") {
  Cpu cpu(1, 1000);
  cpu.charge(0, 4);
  cpu.charge(1, 4);
  cpu.charge(1, 0);
  CHECK(cpu.overhead() == 8);
  cpu.start(2, task(1), 1);
  CHECK(cpu.next_change() == 8);
  CHECK(ends(cpu, 2) == Ends{{9, 1}});
  CHECK(cpu.busy(9) == 9);
}

TEST_CASE("the system's own work takes one processor of several") {
  Cpu one_task(2, 1000);
  one_task.start(0, task(1), 10);
  one_task.charge(0, 6);
  CHECK(ends(one_task, 0) == Ends{{10, 1}});
  CHECK(one_task.busy(10) == 16);

  Cpu two_tasks(2, 1000);
  two_tasks.start(0, task(1), 10);
  two_tasks.start(0, task(2), 10);
  two_tasks.charge(0, 6);
  // Half the speed until 6: 3 each; the other 7 at full speed.
  CHECK(ends(two_tasks, 0) == Ends{{13, 1}, {13, 2}});
  CHECK(two_tasks.busy(13) == 26);
}

TEST_CASE("what a stopped process leaves is the others'") {
  Cpu cpu(1, 1000);
  cpu.start(0, task(1), 10);
  cpu.start(0, task(2), 10);
  cpu.remove(8, task(1));
  cpu.remove(8, task(1));
  cpu.remove(8, task(7));
  CHECK(ends(cpu, 8) == Ends{{14, 2}});
  CHECK(cpu.busy(20) == 14);
}

TEST_CASE("a process can come again after it was stopped, from the beginning") {
  Cpu cpu(1, 1000);
  cpu.start(0, task(1), 10);
  cpu.remove(9, task(1));
  cpu.start(20, task(1), 10);
  CHECK(ends(cpu, 20) == Ends{{30, 1}});
}

TEST_CASE("a board that loses power forgets all but what it has done") {
  Cpu cpu(2, 1000);
  cpu.start(0, task(1), 10);
  cpu.charge(0, 100);
  cpu.clear(4);
  CHECK(cpu.next_change() == core::kNever);
  CHECK(cpu.busy(50) == 8);
  cpu.start(50, task(2), 10);
  CHECK(ends(cpu, 50) == Ends{{60, 2}});
}

TEST_CASE("looking often costs next to nothing") {
  Cpu often(1, 700), seldom(1, 700);
  for (std::uint64_t serial = 1; serial <= 3; ++serial) {
    often.start(0, task(serial), 100'000);
    seldom.start(0, task(serial), 100'000);
  }
  for (core::Time now = 0; now < 400'000; now += 7) often.advance(now);
  const core::Time late = often.next_end()->first;
  const core::Time sharp = seldom.next_end()->first;
  CHECK(sharp == 428'572);
  CHECK(late >= sharp);
  CHECK(late - sharp <= 300);  // 3 processes, 2^-10 us at each look, 57,000 looks
}

TEST_CASE("centuries of work do not run over") {
  Cpu cpu(1, 1'000'000);
  constexpr core::Duration kWork = core::Duration{1} << 50;
  core::Time now = 0;
  for (std::uint64_t serial = 1; serial <= 64; ++serial) {
    cpu.start(now, task(serial), kWork);
    const auto end = cpu.next_end();
    REQUIRE(end);
    CHECK(end->first == now + (kWork + 999) / 1000);
    now = end->first;
    cpu.remove(now, task(serial));
  }
}
