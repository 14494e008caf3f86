// Stays that may run only as long as a lease says so, and those that are begun anew: a part of
// Stays.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "peerd/stays.h"

namespace peerd {

void Stays::fail_to_start(core::TaskId task, Stay& stay) {
  stay.message = stay.unusable;
  around_.post(core::TaskExited{task, {core::ExitStatus::Kind::failed, 0}});
}

void Stays::perform(const core::ExtendLease& action) {
  const Key key{action.task, action.epoch};
  if (executor_.holds(key)) executor_.lease(key, action.until);
}

void Stays::perform(const core::FreezeTask& action) {
  const Key key{action.task, action.epoch};
  if (executor_.holds(key)) executor_.lease(key, 0);
}

void Stays::perform(const core::RestartTask& action) {
  const Stay* kept = find(action.task, 0);
  if (kept == nullptr) return;
  Stay& stay = stays_[{action.task, action.epoch}];
  stay.spec = kept->spec;
  stay.unusable = begin_anew(action.task, action.epoch);
}

// What was submitted is copied, not moved: this one may have to be begun anew, too. The directory
// gets its name last, so that a restart knows whether it is complete. Empty, or why not.
std::string Stays::begin_anew(core::TaskId task, core::Epoch epoch) const {
  const TaskFiles& files = *around_.files;
  const std::string directory = files.directory(task, epoch);
  if (exists(directory) || exists(files.stay_directory(task, epoch))) return "";
  net::TaskSpec spec = find(task, epoch)->spec;
  if (spec.inputs.empty() && spec.stdin_path.empty()) return "";
  for (net::FileSpec& input : spec.inputs) input.path = files.directory(task, 0) + "/" + input.name;
  if (!spec.stdin_path.empty()) spec.stdin_path = files.stdin_path(task, 0);
  const std::string unfinished = unfinished_name(directory);
  const TaskUser own{::geteuid(), ::getegid()};
  const CopyResult copied = copy_in(input_copies(spec, unfinished, files.stdin_path(task, epoch)),
                                    own, own, limits_.task_bytes);
  if (const auto* error = std::get_if<CopyError>(&copied))
    return "it cannot be begun anew: " + error->text;
  if (::rename(unfinished.c_str(), directory.c_str()) == 0) return "";
  return "it cannot be begun anew: " + directory + ": " + std::strerror(errno);
}

}  // namespace peerd
