#include "peerd/orphans.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "peerd/session.h"
#include "peerd/unique_fd.h"

namespace peerd {
namespace {

constexpr int kRounds = 5;  // a process may fork while one is under way
constexpr std::size_t kMaxEnvironmentBytes = 4 << 20;

// As the process got it: "KEY=VALUE" and a zero, one after the other. Empty if it is another
// user's.
std::string environment_of(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/environ";
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string environment;
  char piece[16 << 10];
  while (file && environment.size() < kMaxEnvironmentBytes) {
    const ssize_t got = ::read(file.get(), piece, sizeof piece);
    if (got <= 0) break;
    environment.append(piece, static_cast<std::size_t>(got));
  }
  return environment;
}

bool has(const std::string& environment, const std::string& variable) {
  const std::string end(1, '\0');
  return (end + environment).find(end + variable + end) != std::string::npos;
}

}  // namespace

std::string peer_mark(core::PeerId self) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx",
                static_cast<unsigned long long>(core::value(self)));
  return digits;
}

std::size_t end_orphans(core::PeerId self) {
  const std::string mark = std::string(kPeerVariable) + "=" + peer_mark(self);
  const pid_t own_session = ::getsid(0);
  std::size_t ended = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<pid_t> sessions;
    for (const pid_t pid : all_processes()) {
      const pid_t session = ::getsid(pid);
      if (session <= 0 || session == own_session || !has(environment_of(pid), mark)) continue;
      sessions.push_back(session);
    }
    std::sort(sessions.begin(), sessions.end());
    const std::size_t found = signal_sessions(sessions, SIGKILL);
    if (found == 0) break;
    ended = std::max(ended, found);
  }
  return ended;
}

}  // namespace peerd
