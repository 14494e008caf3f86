#include "peerd/process_tree.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <sstream>
#include <string_view>
#include <utility>

#include "peerd/proc_files.h"

namespace peerd {
namespace {

// Deeper or wider trees than this are not walked to their end: the kernel's default limit of
// processes.
constexpr std::size_t kMaxProcesses = 32'768;

// Of a tree whose processes are to be stopped or killed; one that forks faster is no task of ours.
constexpr int kMaxSweeps = 64;

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  for (const std::string& thread : names_in(proc_path(pid, "task"))) {
    std::istringstream list(read_text(proc_path(pid, "task/" + thread + "/children")));
    for (pid_t child = 0; list >> child;) children.push_back(child);
  }
  return children;
}

bool alive(pid_t pid) {
  const std::string status = read_text(proc_path(pid, "status"));
  return !status.empty() && !field_of(status, "State").starts_with('Z');
}

bool signal_processes(const std::vector<pid_t>& processes, int signal) {
  for (const pid_t pid : processes) ::kill(pid, signal);
  return !processes.empty();
}

// "1000 1000 1000 1000": real, effective, saved and of the file system.
bool all_are(std::string_view ids, unsigned wanted) {
  std::istringstream list{std::string(ids)};
  std::size_t count = 0;
  for (unsigned id = 0; list >> id; ++count) {
    if (id != wanted) return false;
  }
  return count == 4;
}

bool all_among(std::string_view groups, const TaskUser& user) {
  std::istringstream list{std::string(groups)};
  for (gid_t id = 0; list >> id;) {
    const bool known = std::find(user.groups.begin(), user.groups.end(), id) != user.groups.end();
    if (!known && id != user.gid) return false;
  }
  return true;
}

bool is_zero(std::string_view mask) {
  return !mask.empty() && mask.find_first_not_of('0') == std::string_view::npos;
}

// Of a thread, with its status as /proc has it. Each has its own.
std::string wrong_credentials_of(std::string_view status, const TaskUser& user) {
  // It has ended meanwhile, or before the task moved: CRIU restores a zombie as root's.
  if (status.empty() || field_of(status, "State").starts_with('Z')) return {};
  if (!all_are(field_of(status, "Uid"), user.uid) || !all_are(field_of(status, "Gid"), user.gid) ||
      !all_among(field_of(status, "Groups"), user)) {
    return std::string(field_of(status, "Name")) + " is not " + std::to_string(user.uid) + ":" +
           std::to_string(user.gid) + ", whom the task belongs to here, but " +
           std::string(field_of(status, "Uid"));
  }
  if (field_of(status, "NoNewPrivs") != "1") return "the task may gain privileges";
  if (user.uid == 0) return {};
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
    if (!is_zero(field_of(status, set))) return "the task has privileges";
  }
  return {};
}

std::optional<int> number_of(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::vector<pid_t> processes_of(pid_t init) {
  std::vector<pid_t> processes;
  if (!alive(init)) return processes;
  processes.push_back(init);
  for (std::size_t i = 0; i < processes.size() && processes.size() < kMaxProcesses; ++i) {
    const std::vector<pid_t> children = children_of(processes[i]);
    processes.insert(processes.end(), children.begin(), children.end());
  }
  return processes;
}

std::vector<pid_t> own_children() {
  std::vector<pid_t> children;
  std::istringstream list(read_text("/proc/thread-self/children"));
  for (pid_t child = 0; list >> child;) children.push_back(child);
  return children;
}

bool resume_task(pid_t init) {
  return signal_processes(processes_of(init), SIGCONT);
}

bool stop_task(pid_t init) {
  // Until nobody new has come: a process that is not stopped yet may start another.
  std::vector<pid_t> stopped;
  for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
    std::vector<pid_t> processes = processes_of(init);
    std::erase_if(processes, [](pid_t pid) { return !alive(pid); });
    signal_processes(processes, SIGSTOP);
    if (processes == stopped) break;
    stopped = std::move(processes);
  }
  return !stopped.empty();
}

bool signal_task(pid_t init, int signal) {
  std::vector<pid_t> processes = processes_of(init);
  if (processes.empty()) return false;
  processes.erase(processes.begin());
  signal_processes(processes, signal);
  return true;
}

bool kill_task(pid_t init) {
  return ::kill(init, SIGKILL) == 0;
}

bool is_dying(pid_t pid) {
  return read_text(proc_path(pid, "cmdline")).empty();
}

void kill_tree(pid_t top) {
  ::kill(top, SIGSTOP);
  // Until nobody new has come: those under it may still be starting others.
  std::vector<pid_t> killed;
  for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
    std::vector<pid_t> processes = processes_of(top);
    if (!processes.empty()) processes.erase(processes.begin());
    if (processes == killed) break;
    signal_processes(processes, SIGKILL);
    killed = processes;
  }
  ::kill(top, SIGKILL);
}

core::ExitStatus end_of_task(int wait_status, const std::string& stay) {
  if (WIFSIGNALED(wait_status)) return {core::ExitStatus::Kind::signaled, WTERMSIG(wait_status)};
  if (const std::optional<core::ExitStatus> written = status_in(stay)) return *written;
  return {core::ExitStatus::Kind::exited, WEXITSTATUS(wait_status)};
}

std::optional<core::ExitStatus> status_in(const std::string& stay) {
  const std::string text = read_text(stay + "/status");
  std::string_view line = text;
  if (!line.ends_with('\n')) return std::nullopt;  // not written, or torn
  line.remove_suffix(1);
  for (const auto& [word, kind] : {std::pair("exited ", core::ExitStatus::Kind::exited),
                                   std::pair("signaled ", core::ExitStatus::Kind::signaled)}) {
    if (!line.starts_with(word)) continue;
    const std::optional<int> value = number_of(line.substr(std::string_view(word).size()));
    if (!value || *value < 0 || *value > 255) return std::nullopt;
    return core::ExitStatus{kind, *value};
  }
  return std::nullopt;
}

unsigned long long start_time_ticks(pid_t pid) {
  constexpr int kStartTimeField = 22;
  return stat_number(pid, kStartTimeField);
}

std::string wrong_credentials(pid_t init, const TaskUser& user) {
  for (const pid_t pid : processes_of(init)) {
    for (const std::string& thread : names_in(proc_path(pid, "task"))) {
      const std::string status = read_text(proc_path(pid, "task/" + thread + "/status"));
      if (std::string wrong = wrong_credentials_of(status, user); !wrong.empty()) return wrong;
    }
  }
  return {};
}

}  // namespace peerd
