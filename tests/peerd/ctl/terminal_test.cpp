// What peerctl does on a terminal: the live picture and the progress bar.
#include <csignal>
#include <string>

#include "tests/catch.h"
#include "tests/peerd/ctl/scene.h"

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Answers `top`; each picture has one more task.
struct Daemon {
  explicit Daemon(test::Scene& scene) {
    scene.serve([this, &scene](const net::ControlFrame& frame) {
      if (std::holds_alternative<net::PeersRequest>(frame.body)) {
        net::PeerRow row;
        row.name = "board1";
        row.state = "self";
        return scene.answer(frame.request, net::PeerRows{{row}, false});
      }
      net::TaskRows tasks;
      tasks.rows.resize(++pictures);
      scene.answer(frame.request, tasks);
    });
  }
  std::size_t pictures = 0;
};

}  // namespace

TEST_CASE("top shows picture after picture on the other screen and gives the terminal back") {
  test::Scene scene;
  Daemon daemon(scene);
  test::Terminal terminal(scene.loop());
  test::Program& top = scene.peerctl_on(terminal, {"top"});
  scene.run_until([&] { return has(terminal.shown, "board1: 1 peer, 2 tasks"); });
  CHECK(has(terminal.shown, "\x1b[?1049h"));
  CHECK_FALSE(terminal.echoes());
  SECTION("q quits") {
    terminal.type("q");
    scene.run_to_end(top);
    CHECK(top.code == 0);
  }
  SECTION("a signal ends it") {
    const int signal = GENERATE(SIGINT, SIGTERM, SIGHUP);
    top.send_signal(signal);
    scene.run_to_end(top);
    CHECK(top.code == 128 + signal);
  }
  SECTION("the daemon goes away") {
    scene.vanish();
    scene.run_to_end(top);
    CHECK(top.code == 69);
  }
  CHECK(terminal.echoes());
  scene.run_until([&] { return has(terminal.shown, "\x1b[?1049l"); });
}

TEST_CASE("a bar shows how far a list of tasks is, and is gone at the end") {
  test::Scene scene;
  std::uint32_t held = 0;
  int tasks = 0;
  scene.serve([&](const net::ControlFrame& frame) {
    if (std::holds_alternative<net::SubmitRequest>(frame.body) && ++tasks == 4) {
      held = frame.request;  // until the bar has been seen
      return;
    }
    scene.answer(frame.request, net::Submitted{std::to_string(tasks)});
  });
  scene.write_file("list", "true\ntrue\ntrue\ntrue\n");
  test::Terminal terminal(scene.loop());
  test::Program& submit = scene.peerctl_on(terminal, {"submit", "--from", "list"});
  scene.run_until([&] { return has(terminal.shown, "submitting [####") && held != 0; });
  scene.answer(held, net::Submitted{"4"});
  scene.run_to_end(submit);
  CHECK(submit.code == 0);
  scene.run_until([&] { return has(terminal.shown, "\r\x1b[K4\r\n"); });
}

TEST_CASE("tables keep to the terminal's width") {
  test::Scene scene;
  scene.serve([&](const net::ControlFrame& frame) {
    net::TaskRow row;
    row.command = std::string(200, 'x') + "end";
    scene.answer(frame.request, net::TaskRows{{row}, false});
  });
  test::Terminal terminal(scene.loop());
  test::Program& ps = scene.peerctl_on(terminal, {"ps"});
  scene.run_to_end(ps);
  scene.run_until([&] { return has(terminal.shown, "x+\r\n"); });
  CHECK_FALSE(has(terminal.shown, "end"));
}
