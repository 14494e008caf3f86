// top: the peers and tasks as they change.
#include <sys/types.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "peerd/ctl/client.h"
#include "peerd/ctl/json.h"
#include "peerd/ctl/output.h"
#include "peerd/ctl/screen.h"
#include "peerd/ctl/tables.h"
#include "peerd/ctl/verb.h"

namespace peerctl {
namespace {

constexpr std::uint64_t kRefreshMs = 500;

Result<Picture> make_picture(const Answer& peers, const Answer& tasks) {
  auto peers_or = peer_rows(peers);
  if (const auto* problem = std::get_if<Problem>(&peers_or)) return *problem;
  auto tasks_or = task_rows(tasks);
  if (const auto* problem = std::get_if<Problem>(&tasks_or)) return *problem;
  return Picture{std::get<0>(std::move(peers_or)), std::get<0>(std::move(tasks_or))};
}

int print_once(const Invocation& invocation) {
  const auto result = converse(invocation.socket, {net::PeersRequest{}, net::TasksRequest{false}});
  if (const auto* problem = std::get_if<Problem>(&result)) return complain(*problem);
  const auto& answers = std::get<std::vector<Answer>>(result);
  const Result<Picture> picture = make_picture(answers[0], answers[1]);
  if (const auto* problem = std::get_if<Problem>(&picture)) return complain(*problem);
  const auto& shown = std::get<Picture>(picture);
  if (invocation.json) return print(top_json(shown.peers, shown.tasks));
  return print(picture_text(shown, {output_width(), kUnlimited}));
}

class Top {
 public:
  explicit Top(const std::string& socket)
      : client_(loop_.get(), socket, [this](const Problem& problem) { problem_ = problem; }),
        refresh_(loop_.get(), [this] { ask(); }),
        keys_(loop_.get(), STDIN_FILENO, ReadyWatch::For::reading, [this] { key_pressed(); }),
        on_interrupt_(loop_.get(), SIGINT, [this] { leaving_ = kExitSignalBase + SIGINT; }),
        on_terminate_(loop_.get(), SIGTERM, [this] { leaving_ = kExitSignalBase + SIGTERM; }),
        on_hangup_(loop_.get(), SIGHUP, [this] { leaving_ = kExitSignalBase + SIGHUP; }),
        on_stop_(loop_.get(), SIGTSTP, [this] { stop(); }),
        on_resize_(loop_.get(), SIGWINCH, [this] { draw(); }) {}

  int run() {
    refresh_.start(0, kRefreshMs);
    if (::isatty(STDIN_FILENO) != 0) keys_.start();
    loop_.run_until([this] { return leaving_ || problem_; });
    screen_.leave();
    return problem_ ? complain(*problem_) : *leaving_;
  }

 private:
  // A daemon that is slow to answer is not asked again meanwhile.
  void ask() {
    if (open_answers_ > 0) return;
    open_answers_ = 2;
    peers_.clear();
    tasks_.clear();
    client_.ask(net::PeersRequest{}, [this](const net::ControlBody& body) { take(peers_, body); });
    client_.ask(net::TasksRequest{false},
                [this](const net::ControlBody& body) { take(tasks_, body); });
  }

  void take(Answer& answer, const net::ControlBody& body) {
    answer.push_back(body);
    if (!is_last(body) || --open_answers_ > 0) return;
    Result<Picture> picture = make_picture(peers_, tasks_);
    if (const auto* problem = std::get_if<Problem>(&picture)) {
      problem_ = *problem;
    } else {
      picture_ = std::get<Picture>(std::move(picture));
      draw();
    }
  }

  void draw() {
    if (!picture_) return;
    screen_.enter();
    screen_.show(picture_text(*picture_, screen_.size()));
  }

  void key_pressed() {
    char key = 0;
    if (::read(STDIN_FILENO, &key, 1) != 1) return keys_.stop();
    if (key == 'q' || key == 'Q') leaving_ = kExitOk;
  }

  // Ctrl-Z: the shell gets its screen back until it continues us.
  void stop() {
    screen_.leave();
    ::kill(::getpid(), SIGSTOP);
    draw();
  }

  std::optional<int> leaving_;
  std::optional<Problem> problem_;
  int open_answers_ = 0;
  Answer peers_;
  Answer tasks_;
  std::optional<Picture> picture_;
  Screen screen_;
  Loop loop_;
  Client client_;
  Timer refresh_;
  ReadyWatch keys_;
  SignalWatch on_interrupt_;
  SignalWatch on_terminate_;
  SignalWatch on_hangup_;
  SignalWatch on_stop_;
  SignalWatch on_resize_;
};

int run_top(const Invocation& invocation) {
  const bool live =
      ::isatty(STDOUT_FILENO) != 0 && !invocation.parsed.has("once") && !invocation.json;
  return live ? Top(invocation.socket).run() : print_once(invocation);
}

}  // namespace

Verb top_verb() {
  return {.name = "top",
          .arguments = "[--once] [--json]",
          .summary = "Show peers and tasks live; q quits",
          .details = "Without a terminal, with --once or --json it prints one picture and ends.\n",
          .takes_words = false,
          .offers_json = true,
          .add_options =
              [](boost::program_options::options_description& options) {
                options.add_options()("once", "print one picture plainly");
              },
          .run = run_top};
}

}  // namespace peerctl
