// submit and wait against a scripted daemon.
#include <algorithm>
#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/peerd/ctl/scene.h"

namespace {

// Gives tasks numbers from 1; a task's command decides its fate: "false" exits with 1, "refuse" is
// refused.
struct Daemon {
  explicit Daemon(test::Scene& own_scene) : scene(own_scene) {
    scene.serve([this](const net::ControlFrame& frame) { take(frame); });
  }

  void take(const net::ControlFrame& frame) {
    if (const auto* submit = std::get_if<net::SubmitRequest>(&frame.body)) {
      held.emplace_back(frame.request, submit->spec);
      most_held = std::max(most_held, held.size());
      if (!hold) release();
    } else if (const auto* wait = std::get_if<net::WaitRequest>(&frame.body)) {
      end(frame.request, wait->task);
    } else if (std::holds_alternative<net::TasksRequest>(frame.body)) {
      list(frame.request);
    }
  }

  // Answers the held submissions, last first.
  void release() {
    std::reverse(held.begin(), held.end());
    for (const auto& [request, spec] : held) {
      if (spec.arguments[0] == "refuse") {
        scene.answer(request, net::Failure{75, "the queue is full"});
      } else {
        const std::string task = std::to_string(spec.priority * 100 + ++accepted);
        commands[task] = spec.arguments[0];
        specs.push_back(spec);
        scene.answer(request, net::Submitted{task});
      }
    }
    held.clear();
  }

  void end(std::uint32_t request, const std::string& task) {
    if (!commands.contains(task)) {
      return scene.answer(request, net::Failure{67, "there is no task " + task});
    }
    net::Ended ended;
    ended.task = task;
    ended.status.value = commands[task] == "false" ? 1 : 0;
    ended.ran_on = "board2";
    ended.response_us = 1'000'000;
    ended.moves = 1;
    ended.probes = 2;
    scene.answer(request, ended);
  }

  // In two frames, with a guest's task and an ended one among them.
  void list(std::uint32_t request) {
    net::TaskRows rows;
    for (const auto& [task, command] : commands) {
      net::TaskRow row;
      row.task = task;
      row.home_here = true;
      rows.rows.push_back(row);
    }
    rows.more = true;
    scene.answer(request, rows);
    net::TaskRow guest;
    guest.task = "board9.1";
    net::TaskRow old;
    old.task = "999";
    old.home_here = old.ended = true;
    scene.answer(request, net::TaskRows{{guest, old}, false});
  }

  test::Scene& scene;
  bool hold = false;
  std::vector<std::pair<std::uint32_t, net::TaskSpec>> held;
  std::size_t most_held = 0;
  int accepted = 0;
  std::vector<net::TaskSpec> specs;
  std::map<std::string, std::string> commands;
};

}  // namespace

TEST_CASE("submit prints the task's id") {
  test::Scene scene;
  Daemon daemon(scene);
  test::Program& submit = scene.peerctl({"submit", "true"});
  scene.run_to_end(submit);
  CHECK(submit.code == 0);
  CHECK(submit.out == "1\n");

  test::Program& as_json = scene.peerctl({"submit", "--json", "true"});
  scene.run_to_end(as_json);
  CHECK(as_json.out == "{\"task\":\"2\"}\n");

  test::Program& refused = scene.peerctl({"submit", "refuse"});
  scene.run_to_end(refused);
  CHECK(refused.code == 75);
  CHECK(refused.err == "peerctl: the queue is full\n");
}

TEST_CASE("submit --from submits a task a line and names the lines that are wrong") {
  test::Scene scene;
  Daemon daemon(scene);
  scene.write_file("list",
                   "# tasks\n\ntrue 'a b' \"c\"\n--priority 3 true -9\n--priority x true\n"
                   "true 'open\nrefuse\n--priority 4\n  # end\ntrue");
  test::Program& submit = scene.peerctl({"submit", "--priority", "1", "--from", "list"});
  scene.run_to_end(submit);
  CHECK(submit.code == 1);
  CHECK(submit.out == "101\n302\n103\n");
  CHECK(submit.err ==
        "peerctl: list:5: --priority x: a whole number from -9 to 10 is needed\n"
        "peerctl: list:6: a quote is opened and not closed, or a lone \\ ends the line\n"
        "peerctl: list:7: the queue is full\n"
        "peerctl: list:8: a command is needed\n");
  REQUIRE(daemon.specs.size() == 3);
  CHECK(daemon.specs[0].arguments == std::vector<std::string>{"true", "a b", "c"});
  CHECK(daemon.specs[1].arguments == std::vector<std::string>{"true", "-9"});
}

TEST_CASE("thousands of lines go through a window, and ids keep the order of the lines") {
  test::Scene scene;
  Daemon daemon(scene);
  daemon.hold = true;
  std::string list;
  for (int i = 0; i < 2000; ++i) list += "true\n";
  scene.write_file("list", list);
  test::Program& submit = scene.peerctl({"submit", "--json", "--from", "list"});
  scene.run_until([&] { return daemon.held.size() == 256; });
  daemon.release();  // last first
  daemon.hold = false;
  scene.run_to_end(submit);
  CHECK(submit.code == 0);
  CHECK(daemon.most_held == 256);
  CHECK(daemon.accepted == 2000);
  CHECK(submit.out.starts_with("{\"line\":1,\"task\":\"256\"}\n{\"line\":2,\"task\":\"255\"}\n"));
  CHECK(std::count(submit.out.begin(), submit.out.end(), '\n') == 2000);
}

TEST_CASE("lines from a pipe are submitted as they come") {
  test::Scene scene;
  Daemon daemon(scene);
  test::Program& submit = scene.peerctl({"submit", "--from", "-"});
  submit.write("true\ntr");
  scene.run_until([&] { return submit.out == "1\n"; });
  submit.write("ue\nrefuse");
  scene.run_until([&] { return submit.out == "1\n2\n"; });
  submit.end_input();
  scene.run_to_end(submit);
  CHECK(submit.err == "peerctl: stdin:3: the queue is full\n");
  CHECK(submit.code == 1);
}

TEST_CASE("submit --wait waits for all and sums up") {
  test::Scene scene;
  Daemon daemon(scene);
  scene.write_file("list", "true\nfalse\ntrue\n");
  SECTION("in words") {
    test::Program& submit = scene.peerctl({"submit", "--wait", "--from", "list"});
    scene.run_to_end(submit);
    CHECK(submit.code == 1);
    CHECK(submit.out ==
          "done 2, failed 1\n"
          "response time: mean 1.0s, p99 1.0s\n"
          "3 moves, 6 probes\n"
          "PEER    TASKS\n"
          "board2      3\n");
    CHECK(submit.err == "peerctl: list:2: task 2  exit 1 on board2, 1.0s, 1 move, 2 probes\n");
  }
  SECTION("in JSON") {
    test::Program& submit = scene.peerctl({"submit", "--wait", "--json", "--from", "list"});
    scene.run_to_end(submit);
    CHECK(submit.code == 1);
    CHECK(submit.err.empty());
    CHECK(submit.out.find("{\"line\":2,\"task\":\"2\",\"status\":{\"kind\":\"exited\",\"value\":1,"
                          "\"exit_code\":1}") != std::string::npos);
    CHECK(submit.out.find("{\"summary\":{\"done\":2,\"failed\":1,\"not_submitted\":0,"
                          "\"mean_response_us\":1000000,\"p99_response_us\":1000000,\"moves\":3,"
                          "\"probes\":6,\"tasks_by_peer\":{\"board2\":3}}}\n") !=
          std::string::npos);
  }
  SECTION("more tasks than are waited for at once") {
    std::string list;
    for (int i = 0; i < 1500; ++i) list += "true\n";
    scene.write_file("list", list);
    test::Program& submit = scene.peerctl({"submit", "--wait", "--from", "list"});
    scene.run_to_end(submit);
    CHECK(submit.code == 0);
    CHECK(submit.out.starts_with("done 1500, failed 0\n"));
  }
}

TEST_CASE("Ctrl-C and a vanished daemon leave submitted tasks alone, and submit says so") {
  test::Scene scene;
  Daemon daemon(scene);
  test::Program& submit = scene.peerctl({"submit", "--from", "-"});
  submit.write("true\n");
  scene.run_until([&] { return submit.out == "1\n"; });
  SECTION("Ctrl-C") {
    submit.send_signal(SIGINT);
    scene.run_to_end(submit);
    CHECK(submit.code == 130);
  }
  SECTION("no daemon any more") {
    scene.vanish();
    scene.run_to_end(submit);
    CHECK(submit.code == 69);
    CHECK(submit.err.find("the daemon went away") != std::string::npos);
  }
  CHECK(submit.err.find("tasks submitted so far: 1, they go on") != std::string::npos);
}

TEST_CASE("submit --from says which file it cannot read") {
  test::Scene scene;
  Daemon daemon(scene);
  test::Program& missing = scene.peerctl({"submit", "--from", "gone"});
  scene.run_to_end(missing);
  CHECK(missing.code == 66);
  CHECK(missing.err == "peerctl: --from gone: No such file or directory\n");
  test::Program& directory = scene.peerctl({"submit", "--from", "."});
  scene.run_to_end(directory);
  CHECK(directory.code == 66);
  CHECK(directory.err == "peerctl: .: Is a directory\n");
}

TEST_CASE("wait exits with the code of one task and sums up several") {
  test::Scene scene;
  Daemon daemon(scene);
  daemon.commands = {{"1", "true"}, {"2", "false"}};
  SECTION("one that failed") {
    test::Program& wait = scene.peerctl({"wait", "2"});
    scene.run_to_end(wait);
    CHECK(wait.code == 1);
    CHECK(wait.out == "2  exit 1 on board2, 1.0s, 1 move, 2 probes\n");
  }
  SECTION("an unknown one") {
    test::Program& wait = scene.peerctl({"wait", "77"});
    scene.run_to_end(wait);
    CHECK(wait.code == 67);
    CHECK(wait.err == "peerctl: there is no task 77\n");
  }
  SECTION("several") {
    test::Program& wait = scene.peerctl({"wait", "1", "1"});
    scene.run_to_end(wait);
    CHECK(wait.code == 0);
  }
  SECTION("all: neither guests nor ended ones") {
    test::Program& wait = scene.peerctl({"wait", "--all", "--json"});
    scene.run_to_end(wait);
    CHECK(wait.code == 1);
    CHECK(std::count(wait.out.begin(), wait.out.end(), '\n') == 2);
    CHECK(wait.out.starts_with("{\"task\":\"1\",\"status\":{\"kind\":\"exited\",\"value\":0,"));
  }
}
