#include "peerd/checkpoint/cpu_times.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "peerd/proc_files.h"
#include "peerd/process_tree.h"

namespace peerd {
namespace {

constexpr const char* kFile = "/peerd-cpu-times.img";  // lines "PID SECONDS", as the task has PIDs
constexpr auto kSame = static_cast<uid_t>(-1);
constexpr int kUserTimeField = 14;
constexpr int kSystemTimeField = 15;

// Rounded: over many moves that evens out.
rlim_t used_s(pid_t pid) {
  const auto second = static_cast<rlim_t>(::sysconf(_SC_CLK_TCK));
  const rlim_t ticks = stat_number(pid, kUserTimeField) + stat_number(pid, kSystemTimeField);
  return (ticks + second / 2) / second;
}

// Within the task, where it keeps its number.
pid_t number_within(pid_t pid) {
  std::istringstream numbers{std::string(field_of(read_text(proc_path(pid, "status")), "NSpid"))};
  pid_t last = 0;
  for (pid_t number = 0; numbers >> number;) last = number;
  return last;
}

rlim_t lowered(rlim_t limit, rlim_t used, rlim_t least) {
  if (limit == RLIM_INFINITY || limit <= least) return limit;
  return limit > used ? std::max(limit - used, least) : least;
}

// Whose processes this one may limit even if it has not CAP_SYS_RESOURCE, as root in a container.
class SteeringFor {
 public:
  explicit SteeringFor(const TaskUser& user) : uid_(::getuid()), gid_(::getgid()) {
    set_real(user.uid, user.gid);
  }
  ~SteeringFor() { set_real(uid_, gid_); }
  SteeringFor(const SteeringFor&) = delete;
  SteeringFor& operator=(const SteeringFor&) = delete;

 private:
  static bool set_real(uid_t uid, gid_t gid) {
    return ::setresgid(gid, kSame, kSame) == 0 && ::setresuid(uid, kSame, kSame) == 0;
  }

  uid_t uid_;
  gid_t gid_;
};

void charge(pid_t pid, rlim_t used) {
  rlimit limit{};
  if (::prlimit(pid, RLIMIT_CPU, nullptr, &limit) != 0) return;
  // SIGXCPU comes before SIGKILL.
  const rlimit left = {lowered(limit.rlim_cur, used, 1), lowered(limit.rlim_max, used, 2)};
  ::prlimit(pid, RLIMIT_CPU, &left, nullptr);
}

}  // namespace

bool note_cpu_times(pid_t init, const std::string& images) {
  std::ofstream file(images + kFile);
  for (const pid_t pid : processes_of(init))
    file << number_within(pid) << ' ' << used_s(pid) << '\n';
  return static_cast<bool>(file.flush());
}

void charge_cpu_times(pid_t init, const std::string& images, const TaskUser& user) {
  const SteeringFor as_user(user);
  std::map<pid_t, pid_t> processes;  // by number within the task
  for (const pid_t pid : processes_of(init)) processes[number_within(pid)] = pid;
  std::ifstream file(images + kFile);
  pid_t number = 0;
  for (rlim_t used = 0; file >> number >> used;)
    if (const auto found = processes.extract(number)) charge(found.mapped(), used);
}

}  // namespace peerd
