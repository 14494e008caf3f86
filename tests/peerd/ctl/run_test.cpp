// run and logs against a scripted daemon.
#include <csignal>
#include <optional>
#include <string>

#include "tests/catch.h"
#include "tests/peerd/ctl/scene.h"

namespace {

std::vector<std::uint8_t> bytes(const std::string& text) {
  return {text.begin(), text.end()};
}

net::Ended ended(core::ExitStatus::Kind kind, std::int32_t value, const std::string& message = "") {
  net::Ended end;
  end.task = "17";
  end.status = {kind, value};
  end.message = message;
  end.ran_on = "board2";
  end.response_us = 1'200'000;
  end.moves = 1;
  end.probes = 3;
  return end;
}

// A daemon that has one task, 17, and remembers what it was asked.
struct Daemon {
  explicit Daemon(test::Scene& own_scene) : scene(own_scene) {
    scene.serve([this](const net::ControlFrame& frame) { take(frame); });
  }

  void take(const net::ControlFrame& frame) {
    if (const auto* submit = std::get_if<net::SubmitRequest>(&frame.body)) {
      spec = submit->spec;
      submission = frame.request;
      if (accepts) scene.answer(frame.request, net::Submitted{"17"});
    } else if (const auto* output = std::get_if<net::OutputRequest>(&frame.body)) {
      followed = frame.request;
      follow = output->follow;
    } else if (std::holds_alternative<net::CancelRequest>(frame.body)) {
      ++cancels;
      scene.answer(frame.request, net::Done{});
    }
  }
  void print(std::uint8_t stream, const std::string& text) {
    scene.answer(*followed, net::Output{stream, bytes(text)});
  }
  void end(core::ExitStatus::Kind kind, std::int32_t value, const std::string& message = "") {
    scene.answer(*followed, ended(kind, value, message));
  }
  void wait_for_follower() {
    scene.run_until([this] { return followed.has_value(); });
  }

  test::Scene& scene;
  bool accepts = true;
  std::optional<net::TaskSpec> spec;
  std::uint32_t submission = 0;
  std::optional<std::uint32_t> followed;
  bool follow = false;
  int cancels = 0;
};

using Kind = core::ExitStatus::Kind;

}  // namespace

TEST_CASE("run streams both outputs while the task runs and exits with its code") {
  test::Scene scene;
  Daemon daemon(scene);
  scene.write_file("a.txt", "data");
  test::Program& run = scene.peerctl({"run", "--input", "a.txt", "--env", "COLOUR", "--priority",
                                      "-5", "xz", "-9", "--keep", "a.txt"});
  daemon.wait_for_follower();
  REQUIRE(daemon.spec);
  CHECK(daemon.follow);
  CHECK(daemon.spec->arguments == std::vector<std::string>{"xz", "-9", "--keep", "a.txt"});
  CHECK(daemon.spec->inputs == std::vector<net::FileSpec>{{"a.txt", scene.path("a.txt")}});
  CHECK(daemon.spec->environment == std::vector<std::string>{"COLOUR=blue"});
  CHECK(daemon.spec->priority == -5);

  daemon.print(1, "one\n");
  scene.run_until([&] { return run.out == "one\n"; });  // before the task ends
  daemon.print(2, "two\n");
  scene.run_until([&] { return run.err == "two\n"; });
  daemon.print(1, "three");
  daemon.end(Kind::exited, 42);
  scene.run_to_end(run);
  CHECK(run.out == "one\nthree");
  CHECK(run.err == "two\n");
  CHECK(run.code == 42);
}

TEST_CASE("run tells in words and by its code how a task ended") {
  struct Case {
    Kind kind;
    std::int32_t value;
    const char* message;
    int code;
    const char* words;
  };
  const Case c = GENERATE(
      Case{Kind::exited, 0, "", 0, ""},
      Case{Kind::exited, 127, "xz: command not found", 127,
           "peerctl: task 17 xz: command not found\n"},
      Case{Kind::signaled, 9, "", 137, "peerctl: task 17 ended by signal 9 (Killed) on board2\n"},
      Case{Kind::cancelled, 15, "", 143, "peerctl: task 17 cancelled on board2\n"},
      Case{Kind::failed, 0, "disk \x1b[31mfull", 71,
           "peerctl: task 17 failed on board2: disk ?[31mfull\n"},
      Case{Kind::lost, 0, "board2 is dead", 69,
           "peerctl: task 17 lost on board2: board2 is dead\n"});
  test::Scene scene;
  Daemon daemon(scene);
  test::Program& run = scene.peerctl({"run", "true"});
  daemon.wait_for_follower();
  daemon.end(c.kind, c.value, c.message);
  scene.run_to_end(run);
  CHECK(run.code == c.code);
  CHECK(run.err == c.words);
}

TEST_CASE("a slow reader gets everything, and the task's end waits for it") {
  test::Scene scene;
  Daemon daemon(scene);
  test::Program& run = scene.peerctl({"run", "yes"});
  daemon.wait_for_follower();
  run.stop_reading();
  std::string all;
  for (int i = 0; i < 64; ++i) {
    const std::string chunk(64 << 10, static_cast<char>('a' + i % 26));
    daemon.print(1, chunk);
    all += chunk;
  }
  daemon.end(Kind::exited, 0);
  run.read_on();
  scene.run_to_end(run);
  CHECK(run.code == 0);
  CHECK(run.out.size() == all.size());
  CHECK((run.out == all));
}

TEST_CASE("Ctrl-C cancels the task and waits for its end") {
  test::Scene scene;
  Daemon daemon(scene);
  const int signal = GENERATE(SIGINT, SIGTERM, SIGHUP);
  test::Program& run = scene.peerctl({"run", "sleep", "1000"});
  daemon.wait_for_follower();
  run.send_signal(signal);
  scene.run_until([&] { return daemon.cancels == 1; });
  CHECK_FALSE(run.exited);
  daemon.print(1, "last words\n");
  daemon.end(Kind::cancelled, 15);
  scene.run_to_end(run);
  CHECK(run.code == 128 + signal);
  CHECK(run.out == "last words\n");
}

TEST_CASE("Ctrl-C before the task has its number cancels it as soon as it has") {
  test::Scene scene;
  Daemon daemon(scene);
  daemon.accepts = false;
  test::Program& run = scene.peerctl({"run", "sleep", "1000"});
  scene.run_until([&] { return daemon.spec.has_value(); });
  run.send_signal(SIGINT);
  scene.run_until([&] { return !run.err.empty(); });
  scene.answer(daemon.submission, net::Submitted{"17"});
  scene.run_until([&] { return daemon.cancels == 1; });
  daemon.end(Kind::cancelled, 0);
  scene.run_to_end(run);
  CHECK(run.code == 130);
}

TEST_CASE("a second Ctrl-C leaves at once") {
  test::Scene scene;
  Daemon daemon(scene);
  test::Program& run = scene.peerctl({"run", "sleep", "1000"});
  daemon.wait_for_follower();
  run.send_signal(SIGINT);
  scene.run_until([&] { return daemon.cancels == 1; });
  run.send_signal(SIGINT);
  scene.run_to_end(run);
  CHECK(run.code == 130);
}

TEST_CASE("Ctrl-C works while nobody reads the output") {
  test::Scene scene;
  Daemon daemon(scene);
  test::Program& run = scene.peerctl({"run", "yes"});
  daemon.wait_for_follower();
  run.stop_reading();
  for (int i = 0; i < 64; ++i) daemon.print(1, std::string(64 << 10, 'y'));
  run.send_signal(SIGINT);
  scene.run_until([&] { return daemon.cancels == 1; });
  CHECK(scene.unread_bytes() > 0);  // it does not pile up in peerctl
  run.send_signal(SIGINT);
  run.read_on();
  scene.run_to_end(run);
  CHECK(run.code == 130);
}

TEST_CASE("a broken output pipe cancels the task") {
  test::Scene scene;
  Daemon daemon(scene);
  test::Program& run = scene.peerctl({"run", "yes"});
  daemon.wait_for_follower();
  run.close_output();
  daemon.print(1, "y\n");
  scene.run_until([&] { return daemon.cancels == 1; });
  daemon.print(1, "y\n");
  daemon.end(Kind::cancelled, 15);
  scene.run_to_end(run);
  CHECK(run.code == 141);
  CHECK(run.err.empty());
}

TEST_CASE("a daemon that goes away in the middle is said to have, and what that means") {
  test::Scene scene;
  Daemon daemon(scene);
  test::Program& run = scene.peerctl({"run", "sleep", "1000"});
  daemon.wait_for_follower();
  daemon.print(1, "before\n");
  scene.run_until([&] { return run.out == "before\n"; });
  scene.vanish();
  scene.run_to_end(run);
  CHECK(run.code == 69);
  CHECK(run.err.find("the daemon went away") != std::string::npos);
  CHECK(run.err.find("task 17 goes on, its fate: ask peerctl ps") != std::string::npos);
}

TEST_CASE("a refused submission ends run with the daemon's code and words") {
  test::Scene scene;
  scene.serve([&](const net::ControlFrame& frame) {
    scene.answer(frame.request, net::Failure{75, "the queue is full (10000 tasks)"});
  });
  test::Program& run = scene.peerctl({"run", "true"});
  scene.run_to_end(run);
  CHECK(run.code == 75);
  CHECK(run.err == "peerctl: the queue is full (10000 tasks)\n");
}

TEST_CASE("run refuses files that it cannot read or write before it asks anyone") {
  test::Scene scene;  // no daemon
  SECTION("input missing") {
    test::Program& run = scene.peerctl({"run", "--input", "gone.txt", "cat", "gone.txt"});
    scene.run_to_end(run);
    CHECK(run.code == 66);
    CHECK(run.err ==
          "peerctl: --input " + scene.path("gone.txt") + ": No such file or directory\n");
  }
  SECTION("output's directory missing") {
    test::Program& run = scene.peerctl({"run", "--output", "no/such.txt", "true"});
    scene.run_to_end(run);
    CHECK(run.code == 73);
    CHECK(run.err.find("directory " + scene.path("no") + ": No such file") != std::string::npos);
  }
}

TEST_CASE("logs prints what there is, follows where asked, and does not touch the task") {
  test::Scene scene;
  Daemon daemon(scene);
  const bool follow = GENERATE(false, true);
  const std::vector<std::string> words = follow ? std::vector<std::string>{"logs", "-f", "17"}
                                                : std::vector<std::string>{"logs", "17"};
  test::Program& logs = scene.peerctl(words);
  daemon.wait_for_follower();
  CHECK(daemon.follow == follow);
  daemon.print(1, "out\n");
  daemon.print(2, "err\n");
  if (follow) {
    daemon.end(Kind::exited, 3);
  } else {
    scene.answer(*daemon.followed, net::Done{});
  }
  scene.run_to_end(logs);
  CHECK(logs.out == "out\n");
  CHECK(logs.err == "err\n");
  CHECK(logs.code == 0);
  CHECK(daemon.cancels == 0);
}
