#include "peerd/checkpoint/task_operation.h"

#include <signal.h>
#include <sys/prctl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "peerd/checkpoint/remains.h"
#include "peerd/process_tree.h"

namespace peerd {
namespace {

constexpr std::size_t kMaxLineBytes = 4096;
constexpr unsigned kHandles = 3;
constexpr std::uint64_t kLookEvery_ms = 50;
constexpr std::uint64_t kTimeouts = 4;  // see criu.cpp

std::string number(auto value) {
  return std::to_string(value);
}

void add(std::vector<std::string>& arguments, const std::string& key, const std::string& value) {
  arguments.push_back(key);
  arguments.push_back(value);
}

void add_user(std::vector<std::string>& arguments, const TaskUser& user) {
  add(arguments, "--uid", number(user.uid));
  add(arguments, "--gid", number(user.gid));
  for (const gid_t group : user.groups) add(arguments, "--group", number(group));
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const std::string& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

// Of nobody's concern: what it does not do is done by the next check().
void wipe_later(uv_loop_t* loop, const std::string& program, const std::string& runtime,
                pid_t process) {
  const std::vector<std::string> arguments = {"peerd-task", "wipe",      "--runtime",
                                              runtime,      "--process", number(process)};
  std::vector<char*> values = pointers(arguments);
  auto* const handle = new uv_process_t{};
  uv_process_options_t options{};
  options.file = program.c_str();
  options.args = values.data();
  options.exit_cb = [](uv_process_t* ended, std::int64_t, int) {
    uv_close(reinterpret_cast<uv_handle_t*>(ended),
             [](uv_handle_t* closed) { delete reinterpret_cast<uv_process_t*>(closed); });
  };
  if (uv_spawn(loop, handle, &options) != 0) options.exit_cb(handle, 0, 0);
}

TaskOperation::Undo nothing_around(const std::string& stay) {
  return [stay](pid_t) {
    kill_around({stay});
    return true;
  };
}

}  // namespace

void become_parent_of_tasks() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

// Lives until its handles are closed, beyond the operation's owner if that must be.
struct TaskOperation::Impl {
  uv_process_t process{};
  uv_pipe_t output{};
  uv_timer_t timer{};  // of what comes later
  OnDone on_done;
  Undo undo;
  std::string program;
  std::string runtime;  // empty: it needs no image
  bool leaves_image = false;
  std::string line;
  std::array<char, kMaxLineBytes> buffer{};
  bool exited = false;
  bool at_end = false;
  unsigned open_handles = kHandles;

  void spawn(uv_loop_t* loop, const std::vector<std::string>& arguments,
             const std::vector<std::string>* environment, int stream) {
    uv_pipe_init(loop, &output, 0);
    uv_timer_init(loop, &timer);
    output.data = timer.data = process.data = this;
    std::array<uv_stdio_container_t, 4> streams{};
    streams[0].flags = UV_IGNORE;
    streams[1].flags = static_cast<uv_stdio_flags>(UV_CREATE_PIPE | UV_WRITABLE_PIPE);
    streams[1].data.stream = reinterpret_cast<uv_stream_t*>(&output);
    streams[2].flags = UV_INHERIT_FD;
    streams[2].data.fd = 2;
    streams[3].flags = stream < 0 ? UV_IGNORE : UV_INHERIT_FD;
    streams[3].data.fd = stream;
    std::vector<char*> values = pointers(arguments);
    std::vector<char*> variables;
    if (environment != nullptr) variables = pointers(*environment);
    uv_process_options_t options{};
    options.file = program.c_str();
    options.args = values.data();
    options.env = environment == nullptr ? nullptr : variables.data();
    options.stdio = streams.data();
    options.stdio_count = static_cast<int>(streams.size());
    options.exit_cb = [](uv_process_t* handle, std::int64_t, int) {
      Impl* const self = static_cast<Impl*>(handle->data);
      self->exited = true;
      self->finish_if_over();
    };
    const int error = uv_spawn(loop, &process, &options);
    if (error != 0) return fail_later(program + ": " + uv_strerror(error));
    uv_read_start(reinterpret_cast<uv_stream_t*>(&output), allocate, on_read);
  }

  static void allocate(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
    Impl* const self = static_cast<Impl*>(handle->data);
    *buffer = uv_buf_init(self->buffer.data(), static_cast<unsigned>(self->buffer.size()));
  }

  static void on_read(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
    Impl* const self = static_cast<Impl*>(stream->data);
    if (size > 0 && self->line.size() < kMaxLineBytes)
      self->line.append(buffer->base, static_cast<std::size_t>(size));
    if (size >= 0) return;
    self->at_end = true;
    self->finish_if_over();
  }

  void fail_later(const std::string& message) {
    Outcome outcome;
    outcome.message = message;
    line = to_line(outcome) + "\n";
    uv_timer_start(
        &timer,
        [](uv_timer_t* handle) {
          Impl* const self = static_cast<Impl*>(handle->data);
          self->exited = self->at_end = true;
          self->finish_if_over();
        },
        0, 0);
  }

  void finish_if_over() {
    if (!exited || !at_end) return;
    std::optional<Outcome> outcome;
    if (line.ends_with('\n')) outcome = outcome_from(line.substr(0, line.size() - 1));
    if (!outcome) return undo_and_finish();
    if (outcome->kind == Outcome::Kind::done && leaves_image) wipe_image();
    finish(*outcome);
  }

  // Somebody has killed it.
  void undo_and_finish() {
    if (!undo(process.pid)) {
      uv_timer_start(
          &timer, [](uv_timer_t* handle) { static_cast<Impl*>(handle->data)->undo_and_finish(); },
          kLookEvery_ms, 0);
      return;
    }
    if (!runtime.empty()) wipe_image();
    Outcome outcome;
    outcome.message = "peerd-task was killed";
    finish(outcome);
  }

  void wipe_image() { wipe_later(process.loop, program, runtime, process.pid); }

  void finish(const Outcome& outcome) {
    const OnDone report = std::exchange(on_done, {});
    close();
    if (report) report(outcome);
  }

  void close() {
    for (uv_handle_t* handle :
         {reinterpret_cast<uv_handle_t*>(&process), reinterpret_cast<uv_handle_t*>(&output),
          reinterpret_cast<uv_handle_t*>(&timer)}) {
      uv_close(handle, [](uv_handle_t* closed) {
        Impl* const self = static_cast<Impl*>(closed->data);
        if (--self->open_handles == 0) self->release();
      });
    }
  }

  // The owner and the handles each hold it.
  void release() {
    if (--holders == 0) delete this;
  }
  unsigned holders = 2;
};

std::unique_ptr<TaskOperation> TaskOperation::run(uv_loop_t* loop, const TaskTools& tools,
                                                  const std::vector<std::string>& arguments,
                                                  const std::vector<std::string>* environment,
                                                  int stream, OnDone on_done, Undo undo) {
  Impl* const impl = new Impl;
  impl->on_done = std::move(on_done);
  impl->undo = std::move(undo);
  impl->program = tools.program;
  if (arguments[1] == "restore" || arguments[1] == "dump") impl->runtime = tools.runtime;
  impl->leaves_image = arguments[1] == "restore";
  impl->spawn(loop, arguments, environment, stream);
  return std::unique_ptr<TaskOperation>(new TaskOperation(impl));
}

void TaskOperation::give_up() {
  if (!impl_->exited) uv_process_kill(&impl_->process, SIGTERM);
}

TaskOperation::~TaskOperation() {
  impl_->on_done = {};
  give_up();
  impl_->release();
}

std::unique_ptr<TaskOperation> TaskOperation::check(uv_loop_t* loop, const TaskTools& tools,
                                                    const std::string& criu, OnDone on_done) {
  std::vector<std::string> arguments = {"peerd-task", "check"};
  add(arguments, "--runtime", tools.runtime);
  if (!criu.empty()) add(arguments, "--criu", criu);
  return run(loop, tools, arguments, nullptr, -1, std::move(on_done), [](pid_t) { return true; });
}

std::unique_ptr<TaskOperation> TaskOperation::start(uv_loop_t* loop, const TaskTools& tools,
                                                    const TaskStart& task, OnDone on_done) {
  std::vector<std::string> arguments = {"peerd-task", "start"};
  add(arguments, "--stay", task.stay);
  add_user(arguments, task.user);
  add(arguments, "--nice", number(task.nice));
  add(arguments, "--cpu-s", number(task.cpu_limit_s));
  add(arguments, "--address-space", number(task.address_space_bytes));
  add(arguments, "--cgroup", task.cgroup);
  arguments.push_back("--");
  arguments.insert(arguments.end(), task.arguments.begin(), task.arguments.end());
  return run(loop, tools, arguments, &task.environment, -1, std::move(on_done),
             nothing_around(task.stay));
}

std::unique_ptr<TaskOperation> TaskOperation::dump(uv_loop_t* loop, const TaskTools& tools,
                                                   const DumpRequest& request, int out,
                                                   OnDone on_done) {
  std::vector<std::string> arguments = {"peerd-task", "dump"};
  add(arguments, "--runtime", tools.runtime);
  add(arguments, "--criu", tools.criu);
  add(arguments, "--init", number(request.init));
  add(arguments, "--stay", request.stay);
  add_user(arguments, request.user);
  add(arguments, "--timeout-s", number(request.timeout_s));
  const std::uint64_t deadline_ms = uv_now(loop) + kTimeouts * request.timeout_s * 1000;
  return run(loop, tools, arguments, nullptr, out, std::move(on_done),
             [loop, deadline_ms, runtime = tools.runtime, init = request.init,
              looks = 0](pid_t operation) mutable {
               const bool late = uv_now(loop) > deadline_ms;
               looks = dump_is_over(operation, runtime, init, late) ? looks + 1 : 0;
               if (looks < 2) return false;
               resume_task(init);
               return true;
             });
}

std::unique_ptr<TaskOperation> TaskOperation::restore(uv_loop_t* loop, const TaskTools& tools,
                                                      const RestoreRequest& request, int in,
                                                      OnDone on_done) {
  std::vector<std::string> arguments = {"peerd-task", "restore"};
  add(arguments, "--runtime", tools.runtime);
  add(arguments, "--criu", tools.criu);
  add(arguments, "--stay", request.stay);
  add_user(arguments, request.user);
  add(arguments, "--max-bytes", number(request.max_bytes));
  add(arguments, "--timeout-s", number(request.timeout_s));
  add(arguments, "--cgroup", request.cgroup);
  return run(loop, tools, arguments, nullptr, in, std::move(on_done), nothing_around(request.stay));
}

}  // namespace peerd
