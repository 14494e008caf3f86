#include "core/outbox.h"

#include <vector>

#include "tests/catch.h"

using namespace core;

namespace {

constexpr TaskId kTask{PeerId{1}, 1};

// A journal that fails on demand, and remembers what it was given.
struct Disk {
  bool full = false;
  int tries = 0;
  std::vector<Epoch> written{};

  Outbox::Commit commit() {
    return [this](const std::vector<Persist>& records) {
      ++tries;
      if (full) return false;
      for (const Persist& record : records) written.push_back(record.epoch);
      return true;
    };
  }
};

Action record(Epoch epoch) {
  return Persist{.what = Persist::What::started, .task = kTask, .epoch = epoch};
}
Action start(Epoch epoch) {
  return StartTask{kTask, epoch};
}
Action send(Message message) {
  return Send{PeerId::none, {}, {}, std::move(message)};
}

std::vector<Epoch> started(const Actions& actions) {
  std::vector<Epoch> epochs;
  for (const Action& action : actions)
    if (const auto* one = std::get_if<StartTask>(&action)) epochs.push_back(one->epoch);
  return epochs;
}

}  // namespace

TEST_CASE("outbox: a batch passes as it is once its records are written") {
  Outbox outbox;
  Disk disk;
  Actions batch{record(1), start(1), send(Commit{}), send(Ack{})};
  CHECK(outbox.release(batch, disk.commit()).size() == 4);
  CHECK(disk.written == std::vector<Epoch>{1});
  CHECK_FALSE(outbox.holds());
  CHECK(outbox.release({start(2)}, disk.commit()).size() == 1);
  CHECK(disk.tries == 1);  // nothing to write, nothing asked
}

TEST_CASE("outbox: while nothing can be written all waits in order, but membership goes on") {
  Outbox outbox;
  Disk disk{.full = true};
  const Actions first =
      outbox.release({record(1), start(1), send(Commit{}), send(Ack{})}, disk.commit());
  REQUIRE(first.size() == 1);
  CHECK(std::holds_alternative<Ack>(std::get<Send>(first[0]).message));
  CHECK(outbox.holds());
  // A batch without records waits behind those that are not written.
  CHECK(outbox.release({start(2), send(Probe{}), send(News{})}, disk.commit()).size() == 1);
  disk.full = false;
  CHECK(started(outbox.release({record(3), start(3)}, disk.commit())) ==
        std::vector<Epoch>{1, 2, 3});
  CHECK(disk.written == std::vector<Epoch>{1, 3});
  CHECK_FALSE(outbox.holds());
}

TEST_CASE("outbox: an empty batch tries again") {
  Outbox outbox;
  Disk disk{.full = true};
  CHECK(outbox.release({record(1), start(1)}, disk.commit()).empty());
  CHECK(outbox.release({}, disk.commit()).empty());
  disk.full = false;
  CHECK(started(outbox.release({}, disk.commit())) == std::vector<Epoch>{1});
  CHECK(disk.tries == 3);
}

TEST_CASE("outbox: nobody takes leave in order before all is written") {
  Outbox outbox;
  Disk disk{.full = true};
  CHECK(outbox.release({record(1), send(News{}), Drained{}}, disk.commit()).empty());
  disk.full = false;
  const Actions all = outbox.release({}, disk.commit());
  REQUIRE(all.size() == 3);
  CHECK(std::holds_alternative<News>(std::get<Send>(all[1]).message));
  CHECK(std::holds_alternative<Drained>(all[2]));
}

TEST_CASE("outbox: who leaves at once does not wait") {
  Outbox outbox;
  Disk disk{.full = true};
  const Actions now = outbox.release({record(1), send(News{}), Drained{false}}, disk.commit());
  REQUIRE(now.size() == 2);
  CHECK(std::holds_alternative<Drained>(now[1]));
}
