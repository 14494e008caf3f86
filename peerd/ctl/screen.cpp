#include "peerd/ctl/screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "peerd/ctl/output.h"
#include "peerd/ctl/tables.h"
#include "peerd/ctl/text.h"

namespace peerctl {
namespace {

constexpr std::int32_t kLoadPerMark = 500;
constexpr std::size_t kMaxMarks = 20;

std::string marks(std::int32_t load) {
  if (load <= 0) return {};
  const auto count = static_cast<std::size_t>((load + kLoadPerMark - 1) / kLoadPerMark);
  return count <= kMaxMarks ? std::string(count, '#') : std::string(kMaxMarks - 1, '#') + '+';
}

std::string peers_picture(const Picture& picture, std::size_t width) {
  std::map<std::string, std::size_t> tasks_at;
  for (const net::TaskRow& task : picture.tasks) ++tasks_at[task.owner];
  Table table(
      {{"PEER"}, {"STATE"}, {"ROLE"}, {"TASKS", true}, {"KNOWN", true}, {"LOAD", true}, {""}});
  for (const net::PeerRow& peer : picture.peers) {
    const auto at = tasks_at.find(peer.name);
    table.add({peer.name, peer.state, peer.role,
               std::to_string(at == tasks_at.end() ? 0 : at->second),
               human_duration(peer.known_age_us), human_load(peer.load), marks(peer.load)});
  }
  return table.text(width);
}

std::string headline(const Picture& picture) {
  std::string self = "?";
  for (const net::PeerRow& peer : picture.peers) {
    if (peer.state == "self") self = sanitized(peer.name);
  }
  std::size_t running = 0;
  for (const net::TaskRow& task : picture.tasks) running += task.state == "running" ? 1 : 0;
  return fmt::format("{}: {}, {}, {} of them running\n", self,
                     counted(picture.peers.size(), "peer"), counted(picture.tasks.size(), "task"),
                     running);
}

// Keeps the first lines; the last one says how many are missing.
std::string first_lines(const std::string& text, std::size_t limit) {
  const auto total = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  if (total <= limit) return text;
  if (limit == 0) return {};
  std::size_t end = 0;
  for (std::size_t line = 1; line < limit; ++line) end = text.find('\n', end) + 1;
  return text.substr(0, end) + fmt::format("... {} more\n", total - limit + 1);
}

}  // namespace

std::string picture_text(const Picture& picture, const ScreenSize& size) {
  const std::string peers = peers_picture(picture, size.columns);
  const std::string tasks = tasks_text(picture.tasks, false, size.columns);
  const std::size_t for_tables = size.lines == kUnlimited ? kUnlimited
                                 : size.lines > 3         ? size.lines - 3
                                                          : 0;  // headline and two blanks
  const auto task_lines = static_cast<std::size_t>(std::count(tasks.begin(), tasks.end(), '\n'));
  // Peers may take what tasks leave, and half in any case.
  const std::size_t for_peers =
      std::max(for_tables / 2, for_tables > task_lines ? for_tables - task_lines : 0);
  const std::string shown_peers = first_lines(peers, for_peers);
  const auto peer_lines =
      static_cast<std::size_t>(std::count(shown_peers.begin(), shown_peers.end(), '\n'));
  return clipped(headline(picture), size.columns) + "\n" + shown_peers + "\n" +
         first_lines(tasks, for_tables - peer_lines);
}

void Screen::enter() {
  if (entered_) return;
  if (::tcgetattr(STDIN_FILENO, &keys_before_) == 0) {
    termios keys = keys_before_;
    keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    keys_changed_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
  }
  print("\x1b[?1049h\x1b[?25l");
  entered_ = true;
}

void Screen::leave() {
  if (!entered_) return;
  print("\x1b[?25h\x1b[?1049l");
  if (keys_changed_) ::tcsetattr(STDIN_FILENO, TCSANOW, &keys_before_);
  entered_ = false;
}

ScreenSize Screen::size() const {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    return {80, 24};
  }
  return {size.ws_col, size.ws_row};
}

void Screen::show(const std::string& text) {
  std::string drawn = "\x1b[H";
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    if (begin > 0) drawn += '\n';  // none after the last line: it would scroll
    drawn += text.substr(begin, end - begin) + "\x1b[K";
    begin = end + 1;
  }
  print(drawn + "\x1b[J");
}

}  // namespace peerctl
