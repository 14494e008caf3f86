// The other verbs and the errors that users meet, with the real program.
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/peerd/ctl/scene.h"

namespace {

struct Outcome {
  int code;
  std::string out, err;
};

Outcome outcome_of(test::Scene& scene, std::vector<std::string> words) {
  test::Program& program = scene.peerctl(std::move(words));
  scene.run_to_end(program);
  return {program.code, program.out, program.err};
}

void answer_tables(test::Scene& scene, const net::ControlFrame& frame) {
  if (std::holds_alternative<net::TasksRequest>(frame.body)) {
    net::TaskRow row;
    row.task = "17";
    row.state = "running";
    row.owner = "board1";
    row.command = "xz -9";
    scene.answer(frame.request, net::TaskRows{{row}, true});
    row.task = "18";
    scene.answer(frame.request, net::TaskRows{{row}, false});
  } else if (std::holds_alternative<net::PeersRequest>(frame.body)) {
    net::PeerRow row;
    row.name = "board1";
    row.state = "self";
    row.role = "ok";
    row.load = 2000;
    scene.answer(frame.request, net::PeerRows{{row}, false});
  } else if (std::holds_alternative<net::StatsRequest>(frame.body)) {
    scene.answer(frame.request, net::Stats{{{"searches", "probe_sent", 3}}});
  } else if (const auto* explain = std::get_if<net::ExplainRequest>(&frame.body)) {
    if (explain->task != "17") {
      return scene.answer(frame.request, net::Failure{67, "there is no task " + explain->task});
    }
    scene.answer(frame.request, net::Lines{{"submitted\x1b[2J"}, true});
    scene.answer(frame.request, net::Lines{{"started"}, false});
  } else if (const auto* cancel = std::get_if<net::CancelRequest>(&frame.body)) {
    if (cancel->task == "17") return scene.answer(frame.request, net::Done{});
    scene.answer(frame.request, net::Failure{65, "task " + cancel->task + " has ended already"});
  }
}

}  // namespace

TEST_CASE("verbs that ask once print what they are told") {
  test::Scene scene;
  scene.serve([&](const net::ControlFrame& frame) { answer_tables(scene, frame); });
  const Outcome ps = outcome_of(scene, {"ps"});
  CHECK(ps.code == 0);
  CHECK(ps.out ==
        "TASK  STATE    OWNER   AGE  MOVES  PROBES  PRIO  COMMAND\n"
        "17    running  board1  0us      0       0     0  xz -9\n"
        "18    running  board1  0us      0       0     0  xz -9\n");
  CHECK(outcome_of(scene, {"ps", "--json"}).out.starts_with("[{\"task\":\"17\""));
  CHECK(outcome_of(scene, {"peers"}).out.starts_with("PEER    STATE  ROLE   LOAD"));
  CHECK(outcome_of(scene, {"stats"}).out == "searches\n  probe_sent  3\n");
  CHECK(outcome_of(scene, {"explain", "17"}).out == "submitted?[2J\nstarted\n");
  CHECK(outcome_of(scene, {"explain", "17", "--json"}).out ==
        "{\"task\":\"17\",\"lines\":[\"submitted\\u001b[2J\",\"started\"]}\n");
  const Outcome unknown = outcome_of(scene, {"explain", "99"});
  CHECK(unknown.code == 67);
  CHECK(unknown.err == "peerctl: there is no task 99\n");
  // Without a terminal `top` prints one picture.
  const Outcome top = outcome_of(scene, {"top"});
  CHECK(top.code == 0);
  CHECK(top.out.starts_with("board1: 1 peer, 2 tasks, 2 of them running\n"));
  CHECK(top.out.find('\x1b') == std::string::npos);
  CHECK(outcome_of(scene, {"top", "--once", "--json"}).out.starts_with("{\"peers\":[{"));
}

TEST_CASE("cancel tells whom it could not cancel") {
  test::Scene scene;
  scene.serve([&](const net::ControlFrame& frame) { answer_tables(scene, frame); });
  CHECK(outcome_of(scene, {"cancel", "17"}).code == 0);
  const Outcome ended = outcome_of(scene, {"cancel", "18"});
  CHECK(ended.code == 65);
  CHECK(ended.err == "peerctl: task 18 has ended already\n");
  CHECK(outcome_of(scene, {"cancel", "17", "18"}).code == 1);
}

TEST_CASE("no daemon") {
  test::Scene scene;
  const std::vector<std::string> words =
      GENERATE(std::vector<std::string>{"ps"}, std::vector<std::string>{"run", "true"},
               std::vector<std::string>{"submit", "true"}, std::vector<std::string>{"wait", "1"},
               std::vector<std::string>{"top", "--once"}, std::vector<std::string>{"logs", "1"});
  const Outcome outcome = outcome_of(scene, words);
  CHECK(outcome.code == 69);
  CHECK(outcome.out.empty());
  CHECK(outcome.err == "peerctl: no peerd answers at " + scene.path("control.sock") +
                           " (no such file or directory): is it running? start it with peerd "
                           "--config FILE\n");
}

TEST_CASE("a socket that nobody listens on, and one given by option") {
  test::Scene scene;
  scene.write_file("dead", "");
  const Outcome outcome = outcome_of(scene, {"--socket", scene.path("dead"), "ps"});
  CHECK(outcome.code == 69);
  CHECK(outcome.err.find(scene.path("dead")) != std::string::npos);
  CHECK(outcome_of(scene, {"ps", "--socket=" + scene.path("dead")}).err == outcome.err);
}

TEST_CASE("a socket of someone else") {
  if (::geteuid() == 0) return;  // root may talk to everybody
  test::Scene scene;
  scene.serve([](const net::ControlFrame&) {});
  REQUIRE(::chmod(scene.path("control.sock").c_str(), 0) == 0);
  const Outcome outcome = outcome_of(scene, {"ps"});
  CHECK(outcome.code == 77);
  CHECK(outcome.err.find("no permission to talk to peerd at") != std::string::npos);
}

TEST_CASE("a daemon of another version is named as such") {
  test::Scene scene;
  scene.serve_with_hello([&](const net::ControlFrame& frame) {
    scene.answer(frame.request, net::Failure{76, "peerd speaks version 2, peerctl version 1"});
  });
  const Outcome outcome = outcome_of(scene, {"ps"});
  CHECK(outcome.code == 76);
  CHECK(outcome.err == "peerctl: peerd speaks version 2, peerctl version 1\n");
}

TEST_CASE("answers that make no sense end with one line") {
  test::Scene scene;
  scene.serve([&](const net::ControlFrame& frame) {
    const bool tasks = std::holds_alternative<net::TasksRequest>(frame.body);
    scene.answer(tasks ? frame.request : frame.request + 1000, net::Done{});
  });
  CHECK(outcome_of(scene, {"ps"}).code == 76);
  CHECK(outcome_of(scene, {"peers"}).code == 76);
}

TEST_CASE("a daemon that goes away before it answers") {
  test::Scene scene;
  scene.serve([&](const net::ControlFrame&) { scene.vanish(); });
  const Outcome outcome = outcome_of(scene, {"ps"});
  CHECK(outcome.code == 69);
  CHECK(outcome.err.find("the daemon went away") != std::string::npos);
}

TEST_CASE("help, version and misspelt verbs") {
  test::Scene scene;
  const Outcome help = outcome_of(scene, {"--help"});
  CHECK(help.code == 0);
  CHECK(help.err.empty());
  for (const char* verb :
       {"run", "submit", "wait", "ps", "logs", "cancel", "migrate", "hold", "release", "drain",
        "undrain", "peers", "stats", "explain", "doctor", "top"}) {
    INFO(verb);
    CHECK(help.out.find(std::string("\n  ") + verb + " ") != std::string::npos);
    const Outcome own = outcome_of(scene, {verb, "--help"});
    CHECK(own.code == 0);
    CHECK(own.out.starts_with(std::string("Usage: peerctl ") + verb));
    CHECK(own.out.find("--socket") != std::string::npos);
    CHECK(own.out.find("Exit codes:") != std::string::npos);
    CHECK(outcome_of(scene, {"help", verb}).out == own.out);
  }
  CHECK(outcome_of(scene, {"--version"}).out.starts_with("peerctl "));
  const Outcome misspelt = outcome_of(scene, {"submti", "x"});
  CHECK(misspelt.code == 64);
  CHECK(misspelt.err ==
        "peerctl: there is no verb \"submti\": is \"submit\" meant? see peerctl --help\n");
  CHECK(outcome_of(scene, {}).code == 64);
  for (const char* verb : {"ps", "peers", "stats", "doctor", "top", "drain", "undrain"}) {
    const Outcome outcome = outcome_of(scene, {verb, "17"});
    CHECK(outcome.code == 64);
    CHECK(outcome.err ==
          std::string("peerctl: \"17\" is too much here: see peerctl ") + verb + " --help\n");
  }
  CHECK(outcome_of(scene, {"ps", "--nonsense"}).code == 64);
  CHECK(outcome_of(scene, {"run"}).code == 64);
  CHECK(outcome_of(scene, {"wait"}).code == 64);
}
