#include "peerd/session.h"

#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

namespace peerd {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

pid_t pid_of(const char* name) {
  pid_t pid = 0;
  const char* end = name + std::strlen(name);
  const auto result = std::from_chars(name, end, pid);
  return result.ec == std::errc() && result.ptr == end ? pid : 0;
}

}  // namespace

std::size_t signal_sessions(const std::vector<pid_t>& sessions, int signal) {
  const std::unique_ptr<DIR, CloseDirectory> processes(opendir("/proc"));
  if (processes == nullptr) return 0;
  std::size_t found = 0;
  while (const dirent* entry = readdir(processes.get())) {
    const pid_t pid = pid_of(entry->d_name);
    if (pid <= 0) continue;
    const pid_t session = getsid(pid);
    if (!std::binary_search(sessions.begin(), sessions.end(), session)) continue;
    if (::kill(pid, signal) == 0) ++found;
  }
  return found;
}

}  // namespace peerd
