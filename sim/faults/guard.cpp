#include "sim/faults/guard.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace sim::faults {
namespace {

void write_all(int fd, const std::string& text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t more = ::write(fd, text.data() + written, text.size() - written);
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) std::_Exit(EXIT_FAILURE);
    written += static_cast<std::size_t>(more);
  }
}

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t more = ::read(fd, buffer, sizeof buffer);
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(more));
  }
}

// Numbers, the promise on a line of its own, then the transcript.
std::string to_text(const Verdict& verdict) {
  std::ostringstream text;
  text << verdict.at << ' ' << verdict.events << '\n'
       << verdict.broken << '\n'
       << verdict.transcript;
  return text.str();
}

Verdict from_text(const std::string& text) {
  std::istringstream in(text);
  Verdict verdict;
  in >> verdict.at >> verdict.events;
  in.ignore();
  std::getline(in, verdict.broken);
  verdict.transcript = in.eof() ? "" : text.substr(static_cast<std::size_t>(in.tellg()));
  return verdict;
}

[[noreturn]] void be_the_child(const Plan& plan, const TrialOptions& options, bool quiet, int fd) {
  begin_child(quiet);
  ::alarm(kPatience_s);
  write_all(fd, to_text(carry_out(plan, options)));
  std::_Exit(EXIT_SUCCESS);
}

}  // namespace

void begin_child(bool quiet) {
  for (const int breakdown : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTERM, SIGINT})
    std::signal(breakdown, SIG_DFL);
  if (!quiet) return;
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere >= 0) ::dup2(nowhere, STDERR_FILENO);
}

Verdict carry_out_guarded(const Plan& plan, const TrialOptions& options, bool quiet) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {.broken = std::strerror(errno), .transcript = ""};
  const pid_t child = ::fork();
  if (child == 0) be_the_child(plan, options, quiet, ends[1]);
  ::close(ends[1]);
  const std::string text = child < 0 ? "" : read_all(ends[0]);
  ::close(ends[0]);
  if (child < 0) return {.broken = std::strerror(errno), .transcript = ""};
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) return from_text(text);
  const char* how = WIFSIGNALED(status) ? ::strsignal(WTERMSIG(status)) : "exits";
  return {.broken = std::string("a node breaks down: ") + how, .transcript = ""};
}

}  // namespace sim::faults
