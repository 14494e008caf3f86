#include "peerd/executor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "peerd/cgroup.h"
#include "peerd/child_process.h"
#include "peerd/session.h"
#include "peerd/spawn.h"
#include "peerd/task_group.h"
#include "peerd/task_namespace.h"
#include "peerd/unique_fd.h"

namespace peerd {
namespace {

// How soon after a task's end whatever else it left in its session is looked for: reading /proc
// once for all that ended meanwhile, not once for each.
constexpr std::uint64_t kSweepDelay_ms = 100;
constexpr int kLastSweeps = 3;  // a process may fork while one is under way
constexpr std::int32_t kShellSignalBase = 128;

// libuv wants a handle's memory until it has called back.
template <class T>
struct CloseHandle {
  void operator()(T* handle) const {
    uv_close(reinterpret_cast<uv_handle_t*>(handle),
             [](uv_handle_t* closed) { delete reinterpret_cast<T*>(closed); });
  }
};
template <class T>
using Handle = std::unique_ptr<T, CloseHandle<T>>;

struct Process {
  TaskGroup group{};
  std::unique_ptr<TaskNamespace> space{};  // of a contained one
  Handle<uv_poll_t> end{};                 // of what init says
  std::uint64_t cpu_limit_s = 0;
  std::unique_ptr<CgroupLeaf> leaf{};  // null where no cgroup is delegated
  // Its init was stopped or killed, perhaps when it had said already how the command had ended.
  bool space_touched = false;
  std::optional<std::uint64_t> kill_at_ms{};  // of the loop's clock, once it has been stopped
  std::optional<Executor::Users> users{};
  std::string own{};  // the directory that is its user's as long as it runs
};

struct Streams {
  UniqueFd in, out, err;
};

// Above 2, so that the child can put them in place in any order.
UniqueFd open_above_2(const std::string& path, int flags) {
  UniqueFd file(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  if (!file || file.get() > 2) return file;
  return UniqueFd(::fcntl(file.get(), F_DUPFD_CLOEXEC, 3));
}

bool open_stream(UniqueFd& file, const char* name, const std::string& path, int flags,
                 std::string& error) {
  file = open_above_2(path, flags);
  if (!file) error = std::string(name) + " " + path + ": " + std::system_category().message(errno);
  return static_cast<bool>(file);
}

bool open_streams(Streams& streams, const ProcessSpec& spec,
                  const std::optional<Executor::Users>& users, std::string& error) {
  const ActingAs as_owner(users ? users->owner : TaskUser{});
  constexpr int kAppend = O_WRONLY | O_CREAT | O_APPEND;
  const std::string in = spec.stdin_path.empty() ? "/dev/null" : spec.stdin_path;
  return open_stream(streams.in, "standard input", in, O_RDONLY, error) &&
         open_stream(streams.out, "standard output", spec.stdout_path, kAppend, error) &&
         open_stream(streams.err, "standard error", spec.stderr_path, kAppend, error);
}

core::ExitStatus status_of(int wait_status) {
  if (WIFSIGNALED(wait_status)) return {core::ExitStatus::Kind::signaled, WTERMSIG(wait_status)};
  return {core::ExitStatus::Kind::exited, WEXITSTATUS(wait_status)};
}

// The kernel does not say so. SIGXCPU nobody else sends; SIGKILL, which follows where that is not
// heeded, anybody, but rarely after as much CPU time as was allowed. A shell tells of a child's
// signal in its exit code.
bool cpu_limit_exceeded(const Process& process, const core::ExitStatus& status, long long cpu_us) {
  if (process.cpu_limit_s == 0) return false;
  const bool by_signal = status.kind == core::ExitStatus::Kind::signaled;
  const int signal = by_signal ? status.value : status.value - kShellSignalBase;
  // The limit counts clock ticks, the usage is exact: on a busy board the two differ.
  const auto nearly_us = static_cast<long long>(process.cpu_limit_s * 750'000);
  return signal == SIGXCPU || (signal == SIGKILL && cpu_us >= nearly_us);
}

std::string message_of(const Process& process, const core::ExitStatus& status, long long cpu_us) {
  if (process.leaf != nullptr)
    if (std::string message = process.leaf->out_of_memory(); !message.empty()) return message;
  if (cpu_limit_exceeded(process, status, cpu_us))
    return "CPU limit of " + std::to_string(process.cpu_limit_s) + " s exceeded";
  return "";
}

// Of one that has ended, or was killed. What it left behind in its process group ends before its
// number can be anybody else's.
CommandEnd end_of(Process& process) {
  if (process.space != nullptr) return process.space->end();
  if (process.leaf == nullptr) process.group.kill();
  return reap(process.group.first());
}

}  // namespace

struct Executor::Impl {
  Impl(uv_loop_t* loop, core::Duration grace, bool contains, OnEnd callback);
  ~Impl();

  void start(core::TaskId task, const ProcessSpec& spec, const std::optional<Users>& users);
  // Failed if it is not running then.
  ProcessEnd try_start(core::TaskId task, const ProcessSpec& spec,
                       const std::optional<Users>& users);
  void stop(core::TaskId task);
  void kill(core::TaskId task);
  void freeze(core::TaskId task);
  void thaw(core::TaskId task);
  void kill_everyone_in(Process& process);
  void give_back(const Process& process) const;
  Handle<uv_poll_t> watch(const TaskNamespace& space);
  ProcessEnd finish(Process& process, const CommandEnd& ended);
  void release(Process& process);
  void remember_session(pid_t session);

  void on_child();
  void deliver_failures();
  void on_grace_over();
  void discard_old_spaces();
  void arm_grace_timer();
  std::size_t sweep_sessions();

  template <class T>
  Handle<T> handle(int (*initialise)(uv_loop_t*, T*)) {
    Handle<T> made(new T);
    const int failed = initialise(loop_, made.get());
    assert(failed == 0);
    made->data = this;
    return made;
  }

  uv_loop_t* loop_;
  std::uint64_t kill_grace_ms_ = 0;
  OnEnd on_end_;
  std::string not_contained_reason_;
  std::string no_cgroup_reason_;
  std::unique_ptr<CgroupTree> cgroups_;
  std::unique_ptr<TaskNamespaces> spaces_;  // null: tasks are not contained
  std::map<core::TaskId, Process> processes_;
  std::vector<std::pair<core::TaskId, ProcessEnd>> failures_;  // to be reported from the loop
  std::vector<pid_t> ended_sessions_;  // sorted; not looked through for survivors yet
  Handle<uv_signal_t> child_signal_;
  Handle<uv_timer_t> failure_timer_;
  Handle<uv_timer_t> grace_timer_;
  Handle<uv_timer_t> sweep_timer_;
  Handle<uv_timer_t> space_timer_;
};

Executor::Impl::Impl(uv_loop_t* loop, core::Duration grace, bool contains, OnEnd callback)
    : loop_(loop),
      kill_grace_ms_(static_cast<std::uint64_t>(grace / core::kMillisecond)),
      on_end_(std::move(callback)),
      cgroups_(CgroupTree::open_own(no_cgroup_reason_)),
      spaces_(contains ? TaskNamespaces::open(cgroups_.get(), not_contained_reason_) : nullptr),
      child_signal_(handle(&uv_signal_init)),
      failure_timer_(handle(&uv_timer_init)),
      grace_timer_(handle(&uv_timer_init)),
      sweep_timer_(handle(&uv_timer_init)),
      space_timer_(handle(&uv_timer_init)) {
  const int failed = uv_signal_start(
      child_signal_.get(),
      [](uv_signal_t* signal, int) { static_cast<Impl*>(signal->data)->on_child(); }, SIGCHLD);
  assert(failed == 0);
  uv_unref(reinterpret_cast<uv_handle_t*>(child_signal_.get()));
}

Executor::Impl::~Impl() {
  for (auto& [task, process] : processes_) kill_everyone_in(process);
  for (auto& [task, process] : processes_) finish(process, end_of(process));
  for (int sweep = 0; sweep < kLastSweeps && sweep_sessions() > 0; ++sweep) continue;
}

void Executor::Impl::start(core::TaskId task, const ProcessSpec& spec,
                           const std::optional<Users>& users) {
  assert(!processes_.contains(task));
  ProcessEnd failure = try_start(task, spec, users);
  if (processes_.contains(task)) return;
  failures_.emplace_back(task, std::move(failure));
  uv_timer_start(
      failure_timer_.get(),
      [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->deliver_failures(); }, 0, 0);
}

ProcessEnd Executor::Impl::try_start(core::TaskId task, const ProcessSpec& spec,
                                     const std::optional<Users>& users) {
  ProcessEnd failure{{core::ExitStatus::Kind::failed, 0}, ""};
  if (spec.arguments.empty()) {
    failure.message = "no command given";
    return failure;
  }
  Streams streams;
  if (!open_streams(streams, spec, users, failure.message)) return failure;
  Process process;
  process.cpu_limit_s = spec.cpu_limit_s;
  process.users = users;
  process.own = spec.own;
  SpawnRequest request{spec.arguments, spec.environment, spec.directory};
  if (users) {
    request.user = &users->task;
    give_tree(spec.own, users->owner.uid, users->task);
  }
  request.stdin_fd = streams.in.get();
  request.stdout_fd = streams.out.get();
  request.stderr_fd = streams.err.get();
  request.nice = spec.nice;
  request.cpu_limit_s = spec.cpu_limit_s;
  if (spaces_ != nullptr) {
    process.space = spaces_->acquire(uv_now(loop_), failure.message);
    if (process.space == nullptr) {
      release(process);
      return failure;
    }
    request.within = process.space.get();
  }
  if (cgroups_ != nullptr) {
    process.leaf = cgroups_->acquire(spec.memory_limit_bytes, failure.message);
    if (process.leaf == nullptr) {
      release(process);
      return failure;
    }
    request.cgroup_procs_fd = process.leaf->procs_fd();
  } else {
    request.address_space_bytes = spec.memory_limit_bytes;
  }
  Spawned spawned = spawn(request);
  if (spawned.pid < 0) {
    if (process.space != nullptr) process.space->end();
    release(process);
    return {spawned.status, std::move(spawned.message)};
  }
  process.group = {process.space != nullptr ? process.space->init() : spawned.pid,
                   process.space != nullptr};
  if (process.space != nullptr) {
    process.end = watch(*process.space);
    if (process.end == nullptr) {
      process.space->end();
      release(process);
      failure.message = "starting a process: out of memory";
      return failure;
    }
  }
  std::erase(ended_sessions_, spawned.pid);  // the number is in use again, so nobody is left in it
  if (processes_.empty()) uv_ref(reinterpret_cast<uv_handle_t*>(child_signal_.get()));
  processes_.emplace(task, std::move(process));
  return {};
}

void Executor::Impl::deliver_failures() {
  for (const auto& [task, end] : std::exchange(failures_, {})) on_end_(task, end);
}

// A command has one end to be told, or init is killed, of which the signal tells, too. Null if
// memory is lacking.
Handle<uv_poll_t> Executor::Impl::watch(const TaskNamespace& space) {
  Handle<uv_poll_t> poll(new uv_poll_t);
  if (uv_poll_init(loop_, poll.get(), space.socket_fd()) != 0) {
    delete poll.release();  // it is no handle of the loop's
    return nullptr;
  }
  poll->data = this;
  const int failed = uv_poll_start(poll.get(), UV_READABLE, [](uv_poll_t* told, int, int) {
    uv_poll_stop(told);
    static_cast<Impl*>(told->data)->on_child();
  });
  assert(failed == 0);
  return poll;
}

void Executor::Impl::on_child() {
  std::vector<std::pair<core::TaskId, ProcessEnd>> ends;
  for (auto next = processes_.begin(); next != processes_.end();) {
    const auto current = next++;
    Process& process = current->second;
    std::optional<CommandEnd> ended;
    if (process.space != nullptr) ended = process.space->report();
    if (!ended && has_ended(process.group.first())) ended = end_of(process);
    if (!ended) continue;
    ends.emplace_back(current->first, finish(process, *ended));
    processes_.erase(current);
  }
  if (spaces_ != nullptr) spaces_->discard_ended();
  if (processes_.empty()) uv_unref(reinterpret_cast<uv_handle_t*>(child_signal_.get()));
  for (const auto& [task, end] : ends) on_end_(task, end);
}

void Executor::Impl::give_back(const Process& process) const {
  if (process.users) give_tree(process.own, process.users->task.uid, process.users->owner);
}

ProcessEnd Executor::Impl::finish(Process& process, const CommandEnd& ended) {
  const core::ExitStatus status = status_of(ended.wait_status);
  ProcessEnd end{status, message_of(process, status, ended.cpu_us)};
  if (process.leaf == nullptr && process.space == nullptr) remember_session(process.group.first());
  release(process);
  return end;
}

// What it had for itself.
void Executor::Impl::release(Process& process) {
  process.end.reset();
  give_back(process);
  if (process.leaf != nullptr) cgroups_->release(std::move(process.leaf));
  if (process.space == nullptr) return;
  // Root might have mounted something.
  const bool as_it_was = process.space->init() > 0 && !process.space_touched && process.users &&
                         process.users->task.uid != 0;
  if (!as_it_was) return spaces_->discard(std::move(process.space));
  spaces_->release(std::move(process.space));
  discard_old_spaces();
}

void Executor::Impl::discard_old_spaces() {
  const std::optional<std::uint64_t> next_ms = spaces_->discard_old(uv_now(loop_));
  if (!next_ms) return;
  uv_timer_start(
      space_timer_.get(),
      [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->discard_old_spaces(); },
      *next_ms - uv_now(loop_), 0);
}

void Executor::Impl::remember_session(pid_t session) {
  ended_sessions_.insert(std::upper_bound(ended_sessions_.begin(), ended_sessions_.end(), session),
                         session);
  if (uv_is_active(reinterpret_cast<uv_handle_t*>(sweep_timer_.get()))) return;
  uv_timer_start(
      sweep_timer_.get(),
      [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->sweep_sessions(); }, kSweepDelay_ms,
      0);
}

// Kills what is left in ended sessions; again later if anything was, in case it has just forked.
std::size_t Executor::Impl::sweep_sessions() {
  const std::vector<pid_t> sessions = std::exchange(ended_sessions_, {});
  const std::size_t survivors = signal_sessions(sessions, SIGKILL);
  if (survivors > 0) {
    for (pid_t session : sessions) remember_session(session);
  }
  return survivors;
}

void Executor::Impl::kill_everyone_in(Process& process) {
  process.space_touched = true;
  process.group.kill();
  if (process.leaf != nullptr) process.leaf->kill();
}

void Executor::Impl::kill(core::TaskId task) {
  const auto found = processes_.find(task);
  if (found != processes_.end()) kill_everyone_in(found->second);
}

void Executor::Impl::stop(core::TaskId task) {
  const auto found = processes_.find(task);
  if (found == processes_.end() || found->second.kill_at_ms) return;
  Process& process = found->second;
  process.group.terminate();
  process.kill_at_ms = uv_now(loop_) + kill_grace_ms_;
  arm_grace_timer();
}

void Executor::Impl::freeze(core::TaskId task) {
  const auto found = processes_.find(task);
  if (found == processes_.end()) return;
  found->second.space_touched = true;
  found->second.group.freeze();
}

void Executor::Impl::thaw(core::TaskId task) {
  const auto found = processes_.find(task);
  if (found != processes_.end()) found->second.group.thaw();
}

void Executor::Impl::on_grace_over() {
  for (auto& [task, process] : processes_) {
    if (process.kill_at_ms && *process.kill_at_ms <= uv_now(loop_)) {
      kill_everyone_in(process);
      process.kill_at_ms = UINT64_MAX;
    }
  }
  arm_grace_timer();
}

void Executor::Impl::arm_grace_timer() {
  std::uint64_t earliest_ms = UINT64_MAX;
  for (const auto& [task, process] : processes_)
    earliest_ms = std::min(earliest_ms, process.kill_at_ms.value_or(UINT64_MAX));
  if (earliest_ms == UINT64_MAX) return;
  const std::uint64_t now_ms = uv_now(loop_);
  uv_timer_start(
      grace_timer_.get(),
      [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->on_grace_over(); },
      earliest_ms > now_ms ? earliest_ms - now_ms : 0, 0);
}

Executor::Executor(uv_loop_t* loop, core::Duration kill_grace, bool contains, OnEnd on_end)
    : impl_(std::make_unique<Impl>(loop, kill_grace, contains, std::move(on_end))) {}

Executor::~Executor() = default;

void Executor::start(core::TaskId task, const ProcessSpec& spec,
                     const std::optional<Users>& users) {
  impl_->start(task, spec, users);
}

void Executor::stop(core::TaskId task) {
  impl_->stop(task);
}

void Executor::kill(core::TaskId task) {
  impl_->kill(task);
}

void Executor::freeze(core::TaskId task) {
  impl_->freeze(task);
}

void Executor::thaw(core::TaskId task) {
  impl_->thaw(task);
}

std::size_t Executor::running() const {
  return impl_->processes_.size();
}

void Executor::set_kill_grace(core::Duration kill_grace) {
  impl_->kill_grace_ms_ = static_cast<std::uint64_t>(kill_grace / core::kMillisecond);
}

const std::string& Executor::not_contained_reason() const {
  return impl_->not_contained_reason_;
}

CgroupTree* Executor::cgroups() {
  return impl_->cgroups_.get();
}

std::string Executor::limits_in_use() const {
  if (impl_->cgroups_ != nullptr) return "cgroup v2 at " + impl_->cgroups_->directory();
  return "rlimits: " + impl_->no_cgroup_reason_;
}

}  // namespace peerd
