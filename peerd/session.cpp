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
  std::size_t found = 0;
  for (const pid_t pid : all_processes()) {
    const pid_t session = getsid(pid);
    if (!std::binary_search(sessions.begin(), sessions.end(), session)) continue;
    if (::kill(pid, signal) == 0) ++found;
  }
  return found;
}

std::vector<pid_t> all_processes() {
  const std::unique_ptr<DIR, CloseDirectory> directory(opendir("/proc"));
  std::vector<pid_t> processes;
  if (directory == nullptr) return processes;
  while (const dirent* entry = readdir(directory.get()))
    if (const pid_t pid = pid_of(entry->d_name); pid > 0) processes.push_back(pid);
  return processes;
}

}  // namespace peerd
