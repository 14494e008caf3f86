#include "peerd/checkpoint/stray_children.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>

#include "peerd/proc_files.h"
#include "peerd/process_tree.h"

namespace peerd {
namespace {

constexpr core::Duration kLookAfter = 500 * core::kMillisecond;

std::vector<pid_t> own_zombies() {
  std::vector<pid_t> zombies = own_children();
  std::erase_if(zombies, [](pid_t pid) {
    return !field_of(read_text(proc_path(pid, "status")), "State").starts_with('Z');
  });
  return zombies;
}

}  // namespace

void StrayChildren::Close::operator()(uv_signal_t* signal) const {
  uv_close(reinterpret_cast<uv_handle_t*>(signal),
           [](uv_handle_t* closed) { delete reinterpret_cast<uv_signal_t*>(closed); });
}

StrayChildren::StrayChildren(uv_loop_t* loop)
    : timer_(loop, [this] { look(); }), child_ended_(new uv_signal_t) {
  uv_signal_init(loop, child_ended_.get());
  child_ended_->data = this;
  uv_signal_start(
      child_ended_.get(),
      [](uv_signal_t* signal, int) {
        Timer& timer = static_cast<StrayChildren*>(signal->data)->timer_;
        if (!timer.active()) timer.start(kLookAfter);
      },
      SIGCHLD);
  uv_unref(reinterpret_cast<uv_handle_t*>(child_ended_.get()));
}

void StrayChildren::look() {
  std::vector<pid_t> zombies = own_zombies();
  for (const pid_t pid : zombies) {
    if (std::find(zombies_.begin(), zombies_.end(), pid) != zombies_.end())
      ::waitpid(pid, nullptr, WNOHANG);
  }
  zombies_ = std::move(zombies);
  if (!zombies_.empty()) timer_.start(kLookAfter);
}

}  // namespace peerd
