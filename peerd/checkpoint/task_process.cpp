#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "peerd/checkpoint/task_operation.h"
#include "peerd/process_tree.h"
#include "peerd/unique_fd.h"

namespace peerd {

struct TaskProcess::Impl {
  uv_poll_t poll{};
  UniqueFd handle;
  pid_t init = -1;
  std::string stay;
  OnEnd on_end;

  core::ExitStatus end() const {
    int status = 0;
    pid_t reaped = 0;
    do reaped = ::waitpid(init, &status, WNOHANG);
    while (reaped < 0 && errno == EINTR);
    if (reaped == init) return end_of_task(status, stay);
    // Another's child: only what init has left in writing is known.
    return status_in(stay).value_or(core::ExitStatus{core::ExitStatus::Kind::signaled, SIGKILL});
  }
};

std::unique_ptr<TaskProcess> TaskProcess::watch(uv_loop_t* loop, pid_t init,
                                                const std::string& stay, OnEnd on_end) {
  UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, init, 0)));
  if (!handle) return nullptr;
  Impl* const impl = new Impl;
  if (uv_poll_init(loop, &impl->poll, handle.get()) != 0) {
    delete impl;
    return nullptr;
  }
  impl->handle = std::move(handle);
  impl->init = init;
  impl->stay = stay;
  impl->on_end = std::move(on_end);
  impl->poll.data = impl;
  uv_poll_start(&impl->poll, UV_READABLE, [](uv_poll_t* poll, int, int) {
    Impl* const self = static_cast<Impl*>(poll->data);
    uv_poll_stop(poll);
    const OnEnd report = std::exchange(self->on_end, {});
    report(self->end());  // may destroy the owner
  });
  return std::unique_ptr<TaskProcess>(new TaskProcess(impl));
}

TaskProcess::~TaskProcess() {
  uv_poll_stop(&impl_->poll);
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->poll),
           [](uv_handle_t* handle) { delete static_cast<Impl*>(handle->data); });
}

}  // namespace peerd
