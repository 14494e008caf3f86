#include "peerd/ctl/tables.h"

#include <algorithm>
#include <cstddef>

#include "peerd/ctl/screen.h"
#include "tests/catch.h"

using namespace peerctl;

namespace {

net::TaskRow task(const char* id, const char* state, const char* owner, const char* command) {
  net::TaskRow row;
  row.task = id;
  row.state = state;
  row.owner = owner;
  row.command = command;
  row.age_us = 1'200'000;
  return row;
}

net::PeerRow peer(const char* name, const char* state, std::int32_t load) {
  net::PeerRow row;
  row.name = name;
  row.address = "127.0.0.1:7400";
  row.state = state;
  row.role = load < 0 ? "-" : "ok";
  row.load = load;
  row.known_age_us = load < 0 ? -1 : 300'000;
  return row;
}

}  // namespace

TEST_CASE("tasks align, the command takes what is left of the line") {
  std::vector<net::TaskRow> rows = {task("17", "running", "board2", "xz -9 --keep notes.txt"),
                                    task("board9.1234", "waiting", "board1", "evil\x1b[2J\n")};
  rows[0].moves = 1;
  rows[0].probes = 12;
  rows[1].priority = -5;
  CHECK(tasks_text(rows, false, kUnlimited) ==
        "TASK         STATE    OWNER    AGE  MOVES  PROBES  PRIO  COMMAND\n"
        "17           running  board2  1.2s      1      12     0  xz -9 --keep notes.txt\n"
        "board9.1234  waiting  board1  1.2s      0       0    -5  evil?[2J\n");
  CHECK(tasks_text(rows, false, 64) ==
        "TASK         STATE    OWNER    AGE  MOVES  PROBES  PRIO  COMMAND\n"
        "17           running  board2  1.2s      1      12     0  xz -9 +\n"
        "board9.1234  waiting  board1  1.2s      0       0    -5  evil?[+\n");
  CHECK(tasks_text({}, false, kUnlimited) ==
        "TASK  STATE  OWNER  AGE  MOVES  PROBES  PRIO  COMMAND\n");
}

TEST_CASE("ended tasks show how they ended") {
  net::TaskRow done = task("1", "finished", "b", "false");
  done.ended = true;
  done.status = {core::ExitStatus::Kind::exited, 1};
  done.response_us = 900'000;
  net::TaskRow lost = task("2", "lost", "b", "sleep 9");
  lost.ended = true;
  lost.status = {core::ExitStatus::Kind::lost, 0};
  lost.note = "b is dead";
  CHECK(tasks_text({done, lost}, true, kUnlimited) ==
        "TASK  STATE   OWNER   AGE  MOVES  PROBES  PRIO  RESPONSE  COMMAND\n"
        "1     exit 1  b      1.2s      0       0     0     900ms  false\n"
        "2     lost    b      1.2s      0       0     0         -  sleep 9  (b is dead)\n");
}

TEST_CASE("peers align, oneself shows what it does") {
  net::PeerRow self = peer("board1", "self", 1500);
  self.running = 1;
  self.slots = 1;
  self.waiting = 2;
  self.reserved = 1;
  CHECK(peers_text({self, peer("b2", "dead", -1)}, kUnlimited) ==
        "PEER    STATE  ROLE   LOAD  KNOWN  ADDRESS         TASKS\n"
        "board1  self   ok    1.500  300ms  127.0.0.1:7400  1 of 1 slot running, 2 waiting, "
        "1 coming\n"
        "b2      dead   -         -      -  127.0.0.1:7400\n");
}

TEST_CASE("counters stand in their groups") {
  CHECK(stats_text(
            {{"searches", "probe_sent", 1234}, {"searches", "gave_up", 5}, {"tasks", "x", 0}}) ==
        "searches\n"
        "  probe_sent  1234\n"
        "  gave_up        5\n"
        "tasks\n"
        "  x              0\n");
  CHECK(stats_text({}).empty());
}

TEST_CASE("an end is one line") {
  net::Ended ended;
  ended.task = "17";
  ended.ran_on = "board2";
  ended.response_us = 1'200'000;
  ended.moves = 1;
  CHECK(ended_text(ended) == "17  exit 0 on board2, 1.2s, 1 move, 0 probes\n");
  ended.status = {core::ExitStatus::Kind::exited, 127};
  ended.message = "xz: command not found";
  CHECK(ended_text(ended) ==
        "17  exit 127: xz: command not found on board2, 1.2s, 1 move, 0 probes\n");
  ended.status = {core::ExitStatus::Kind::lost, 0};
  ended.message = "board2 is dead";
  CHECK(ended_text(ended) == "17  lost on board2: board2 is dead, 1.2s, 1 move, 0 probes\n");
}

TEST_CASE("the live picture fits the screen and says what it leaves out") {
  Picture picture;
  picture.peers = {peer("board1", "self", 2500), peer("board2", "alive", 20'000)};
  for (int i = 1; i <= 9; ++i) {
    picture.tasks.push_back(task(std::to_string(i).c_str(), i < 3 ? "running" : "waiting",
                                 i == 1 ? "board2" : "board1", "xz"));
  }
  CHECK(picture_text(picture, {80, 12}) ==
        "board1: 2 peers, 9 tasks, 2 of them running\n"
        "\n"
        "PEER    STATE  ROLE  TASKS  KNOWN    LOAD\n"
        "board1  self   ok        8  300ms   2.500  #####\n"
        "board2  alive  ok        1  300ms  20.000  ###################+\n"
        "\n"
        "TASK  STATE    OWNER    AGE  MOVES  PROBES  PRIO  COMMAND\n"
        "1     running  board2  1.2s      0       0     0  xz\n"
        "2     running  board1  1.2s      0       0     0  xz\n"
        "3     waiting  board1  1.2s      0       0     0  xz\n"
        "4     waiting  board1  1.2s      0       0     0  xz\n"
        "... 5 more\n");
  for (std::size_t columns = 1; columns < 100; columns += 7) {
    for (std::size_t lines = 3; lines < 20; ++lines) {
      const std::string text = picture_text(picture, {columns, lines});
      CHECK(std::count(text.begin(), text.end(), '\n') <= static_cast<std::ptrdiff_t>(lines));
    }
  }
}
