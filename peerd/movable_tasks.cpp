#include "peerd/movable_tasks.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "peerd/checkpoint/remains.h"
#include "peerd/program.h"
#include "peerd/unique_fd.h"

namespace peerd {
namespace {

using Kind = core::ExitStatus::Kind;

constexpr const char* kProgram = "peerd-task";
constexpr const char* kInitSuffix = ".init";
constexpr std::size_t kMaxAsked = 8;
constexpr std::int32_t kShellSignalBase = 128;

// Blocking, as a process wants it; opening does not wait for the other end, which is open.
UniqueFd open_fifo(const std::string& path, int direction) {
  UniqueFd fifo(::open(path.c_str(), direction | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
  if (fifo) ::fcntl(fifo.get(), F_SETFL, direction);
  return fifo;
}

Outcome failure(const std::string& what) {
  Outcome outcome;
  outcome.message = what;
  return outcome;
}

void reap(pid_t init) {
  while (::waitpid(init, nullptr, 0) < 0 && errno == EINTR) continue;
}

std::string cpu_limit_message(std::uint64_t limit_s, const core::ExitStatus& status) {
  const int signal = status.kind == Kind::signaled ? status.value : status.value - kShellSignalBase;
  if (limit_s == 0 || signal != SIGXCPU) return "";
  return "CPU limit of " + std::to_string(limit_s) + " s exceeded";
}

}  // namespace

void end_stranded_tasks(const std::string& stays) {
  std::error_code error;
  std::vector<std::string> directories;
  for (const auto& entry : std::filesystem::directory_iterator(stays, error)) {
    if (entry.is_directory(error)) directories.push_back(entry.path());
    if (entry.path().extension() != kInitSuffix) continue;
    pid_t init = -1;
    unsigned long long since = 0;
    if (std::ifstream(entry.path()) >> init >> since; init > 1 && since != 0)
      if (start_time_ticks(init) == since) kill_task(init);
    ::unlink(entry.path().c_str());
  }
  // One that was restored when the executor was killed is written down nowhere.
  kill_around(directories);
}

MovableTasks::MovableTasks(uv_loop_t* loop, std::string name, const TaskUsers& users,
                           CgroupTree* cgroups, OnEnd on_end, OnMoved on_moved)
    : loop_(loop),
      name_(std::move(name)),
      on_end_(std::move(on_end)),
      on_moved_(std::move(on_moved)),
      users_(users),
      cgroups_(cgroups) {}

MovableTasks::~MovableTasks() {
  for (auto& [key, task] : tasks_) {
    task.operation.reset();
    if (task.leaf != nullptr) task.leaf->kill();  // also who is not known yet
    if (task.init > 0) kill_task(task.init);
  }
  if (!tools_.runtime.empty()) kill_own_crius(tools_.runtime);
  for (auto& [key, task] : tasks_) {
    if (task.init > 0) reap(task.init);
    ::unlink((task.stay + kInitSuffix).c_str());
  }
  for (auto& [init, process] : discarded_) reap(init);
  std::error_code ignored;
  if (!tools_.runtime.empty()) std::filesystem::remove_all(tools_.runtime, ignored);
}

void MovableTasks::check(OnChecked on_checked) {
  if (::geteuid() != 0) return on_checked(failure("the executor is not root"));
  const std::string runtime = runtime_directory();
  if (runtime.empty()) return on_checked(failure("there is no directory on tmpfs that is root's"));
  become_parent_of_tasks();
  if (strays_ == nullptr) strays_ = std::make_unique<StrayChildren>(loop_);
  tools_.program = program_beside(kProgram);
  tools_.runtime = runtime + "/" + name_;
  ::mkdir(tools_.runtime.c_str(), 0700);
  check_ = TaskOperation::check(loop_, tools_, "", [this, on_checked](const Outcome& outcome) {
    if (outcome.kind == Outcome::Kind::done)
      tools_.criu = outcome.message.substr(0, outcome.message.find(' '));
    on_checked(outcome);
  });
}

// --- Starting and ending

void MovableTasks::start(const Key& key, const ProcessSpec& spec, const TaskUser& user) {
  std::string error;
  std::unique_ptr<CgroupLeaf> leaf = acquire_leaf(spec.memory_limit_bytes, error);
  if (!error.empty()) return on_end_(key, {{Kind::failed, 0}, error});
  Task& task = tasks_[key];
  task.leaf = std::move(leaf);
  task.starting = true;
  task.stay = spec.directory;
  task.cpu_limit_s = spec.cpu_limit_s;
  task.user = user;
  TaskStart start;
  start.stay = spec.directory;
  start.arguments = spec.arguments;
  start.environment = spec.environment;
  start.user = user;
  start.nice = spec.nice;
  start.cpu_limit_s = spec.cpu_limit_s;
  // Also where there are cgroups: it goes along wherever the task does.
  start.address_space_bytes = spec.memory_limit_bytes;
  if (task.leaf != nullptr) start.cgroup = task.leaf->directory();
  give_tree(spec.directory + "/files", users_.owner().uid, task.user);
  task.operation = TaskOperation::start(
      loop_, tools_, start, [this, key](const Outcome& outcome) { started(key, outcome); });
}

void MovableTasks::started(const Key& key, const Outcome& outcome) {
  const std::vector<OnInspected> asked = std::move(tasks_.at(key).asked);
  begun(key, outcome);
  for (const OnInspected& on_inspected : asked) inspect(key, on_inspected);
}

void MovableTasks::begun(const Key& key, const Outcome& outcome) {
  Task& task = tasks_.at(key);
  task.operation.reset();
  task.starting = false;
  if (outcome.kind != Outcome::Kind::done) {
    drop(key);
    return on_end_(key, {outcome.status.kind == Kind::exited && outcome.status.value == 0
                             ? core::ExitStatus{Kind::failed, 0}
                             : outcome.status,
                         outcome.message});
  }
  const bool killed = task.killed;
  const bool discarded = task.discarded;
  adopt(key, outcome.init);
  if (task.frozen) stop_task(outcome.init);
  if (killed) kill_task(outcome.init);
  if (discarded) discard(key);
}

std::unique_ptr<CgroupLeaf> MovableTasks::acquire_leaf(std::uint64_t memory_limit_bytes,
                                                       std::string& error) {
  return cgroups_ != nullptr ? cgroups_->acquire(memory_limit_bytes, error) : nullptr;
}

void MovableTasks::adopt(const Key& key, pid_t init) {
  Task& task = tasks_.at(key);
  task.init = init;
  std::ofstream(task.stay + kInitSuffix) << init << ' ' << start_time_ticks(init) << '\n';
  task.process = TaskProcess::watch(loop_, init, task.stay,
                                    [this, key](core::ExitStatus status) { ended(key, status); });
}

void MovableTasks::ended(const Key& key, core::ExitStatus status) {
  const Task& task = tasks_.at(key);
  std::string message = task.leaf != nullptr ? task.leaf->out_of_memory() : std::string();
  if (message.empty()) message = cpu_limit_message(task.cpu_limit_s, status);
  ProcessEnd end{status, std::move(message)};
  // No fault of its own: it had to execute code that is good only as long as CRIU lives.
  const bool trapped = status == core::ExitStatus{Kind::signaled, SIGTRAP};
  if (trapped && (task.operation || task.hurt))
    end = {{Kind::lost, 0}, "it ended with a CRIU that was killed while it dumped it"};
  drop(key);
  on_end_(key, end);
}

void MovableTasks::drop(const Key& key) {
  const auto found = tasks_.find(key);
  give_tree(found->second.stay, found->second.user.uid, users_.owner());
  ::unlink((found->second.stay + kInitSuffix).c_str());
  if (found->second.leaf != nullptr) cgroups_->release(std::move(found->second.leaf));
  tasks_.erase(found);
}

void MovableTasks::stop(const Key& key, core::Duration grace) {
  const auto found = tasks_.find(key);
  if (found == tasks_.end() || found->second.grace) return;
  Task& task = found->second;
  if (task.init > 0) {
    signal_task(task.init, SIGTERM);
    signal_task(task.init, SIGCONT);
  }
  task.grace = std::make_unique<Timer>(loop_, [this, key] { kill(key); });
  task.grace->start(grace);
}

void MovableTasks::kill(const Key& key) {
  const auto found = tasks_.find(key);
  if (found == tasks_.end()) return;
  found->second.killed = true;
  if (found->second.init > 0) kill_task(found->second.init);
}

void MovableTasks::discard(const Key& key) {
  const auto found = tasks_.find(key);
  if (found == tasks_.end()) return;
  Task& task = found->second;
  // What is being started or restored is there first, and known, or never.
  task.discarded = task.operation && task.init <= 0;
  if (task.discarded && !task.starting) task.operation->give_up();
  if (task.discarded) return;
  const pid_t init = task.init;
  const std::string stay = task.stay;
  const uid_t uid = task.user.uid;
  std::unique_ptr<CgroupLeaf> leaf = std::move(task.leaf);
  drop(key);
  if (init <= 0) return;
  kill_task(init);
  Dying& dying = discarded_[init];
  dying.leaf = std::move(leaf);
  dying.process = TaskProcess::watch(loop_, init, stay, [this, init, stay, uid](core::ExitStatus) {
    forget(init);
    remove_abandoned(stay, uid, users_.owner());
  });
  if (!dying.process) forget(init);
}

void MovableTasks::forget(pid_t init) {
  Dying gone = std::move(discarded_.extract(init).mapped());
  if (gone.leaf != nullptr) cgroups_->release(std::move(gone.leaf));
}

// --- Moving

void MovableTasks::inspect(const Key& key, const OnInspected& on_inspected) {
  const auto found = tasks_.find(key);
  if (found != tasks_.end() && found->second.init > 0)
    return on_inspected(inspect_task(found->second.init));
  if (found != tasks_.end() && found->second.starting && found->second.asked.size() < kMaxAsked)
    return found->second.asked.push_back(on_inspected);
  Inspection inspection;
  inspection.obstacle = "it is not running";
  on_inspected(inspection);
}

void MovableTasks::dump(const Key& key, const std::string& fifo) {
  const auto found = tasks_.find(key);
  if (found == tasks_.end()) return on_moved_(key, failure("it is gone"));
  Task& task = found->second;
  if (task.operation || task.init <= 0) return on_moved_(key, failure("it is being moved"));
  const UniqueFd out = open_fifo(fifo, O_WRONLY);
  if (!out) return on_moved_(key, failure(fifo + ": " + std::strerror(errno)));
  DumpRequest request;
  request.init = task.init;
  request.stay = task.stay;
  request.user = task.user;
  task.operation =
      TaskOperation::dump(loop_, tools_, request, out.get(),
                          [this, key](const Outcome& outcome) { moved(key, outcome); });
}

void MovableTasks::restore(const Key& key, const net::executor::Restore& asked,
                           const TaskUser& user) {
  const UniqueFd in = open_fifo(asked.fifo, O_RDONLY);
  if (!in) return on_moved_(key, failure(asked.fifo + ": " + std::strerror(errno)));
  std::string error;
  // The limit is for the task alone: CRIU, which is there until it is restored, needs memory, too.
  std::unique_ptr<CgroupLeaf> leaf = acquire_leaf(0, error);
  if (!error.empty()) return on_moved_(key, failure(error));
  Task& task = tasks_[key];
  task.leaf = std::move(leaf);
  task.memory_limit_bytes = asked.memory_limit_bytes;
  task.stay = asked.directory;
  task.cpu_limit_s = asked.cpu_limit_s;
  task.user = user;
  RestoreRequest request;
  request.stay = task.stay;
  request.user = task.user;
  request.max_bytes = asked.max_bytes;
  if (task.leaf != nullptr) request.cgroup = task.leaf->directory();
  task.operation =
      TaskOperation::restore(loop_, tools_, request, in.get(),
                             [this, key](const Outcome& outcome) { moved(key, outcome); });
}

void MovableTasks::moved(const Key& key, const Outcome& outcome) {
  Task& task = tasks_.at(key);
  task.operation.reset();
  const bool done = outcome.kind == Outcome::Kind::done;
  const bool restored = task.init <= 0;
  const bool discarded = task.discarded;
  const bool resumed = std::exchange(task.resumed, false);
  const std::string stay = task.stay;
  const uid_t uid = task.user.uid;
  task.stopped = done && !resumed;
  task.hurt = outcome.kind == Outcome::Kind::failed;
  if (restored && done) adopt(key, outcome.init);
  std::string unlimited;  // then each of its processes still has a limit
  if (restored && done && task.leaf)
    task.leaf->set_memory_limit(task.memory_limit_bytes, unlimited);
  if (!restored && task.frozen)
    stop_task(task.init);  // a dump that failed has continued it
  else if (resumed && done)
    resume_task(task.init);
  if (restored && !done) drop(key);
  if (discarded && done) discard(key);
  // What was unpacked until now: peerd may have cleared the directory while more still came.
  if (discarded) remove_abandoned(stay, uid, users_.owner());
  if (!discarded && !resumed) on_moved_(key, outcome);
}

void MovableTasks::resume(const Key& key) {
  const auto found = tasks_.find(key);
  if (found == tasks_.end() || found->second.init <= 0) return;
  Task& task = found->second;
  task.stopped = false;
  if (!task.operation) {
    if (!task.frozen) resume_task(task.init);
    return;
  }
  // A dump that is given up continues the task itself, when CRIU is through with it; but it may
  // have succeeded just now.
  task.resumed = true;
  task.operation->give_up();
}

void MovableTasks::freeze(const Key& key) {
  const auto found = tasks_.find(key);
  if (found == tasks_.end()) return;
  Task& task = found->second;
  task.frozen = true;
  if (task.init <= 0 || task.operation || task.stopped) return;
  stop_task(task.init);
}

void MovableTasks::thaw(const Key& key) {
  const auto found = tasks_.find(key);
  if (found == tasks_.end()) return;
  Task& task = found->second;
  task.frozen = false;
  if (task.init > 0 && !task.operation && !task.stopped) resume_task(task.init);
}

}  // namespace peerd
