// Stays that may run only as long as a lease says so, and those that are begun anew: a part of
// Stays.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "peerd/background.h"
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
  const Key key{action.task, action.epoch};
  const Stay* kept = find(action.task, 0);
  if (kept == nullptr) return;
  Stay& stay = stays_[key];
  stay.spec = kept->spec;
  const std::optional<Beginning> beginning = beginning_of(key, stay.spec);
  if (!beginning) return;
  stay.in_preparation = true;
  const auto error = std::make_shared<std::string>();
  in_background(
      around_.loop, lifetime_, [beginning, error] { *error = make(*beginning); },
      [this, key, error, directory = beginning->directory] { prepared(key, directory, *error); });
}

void Stays::prepared(const Key& key, const std::string& directory, const std::string& error) {
  Stay* const stay = find(key.first, key.second);
  if (stay == nullptr)  // discarded meanwhile, before all was there
    return in_background(around_.loop, [directory] { remove_stay(directory); });
  stay->in_preparation = false;
  stay->unusable = error;
  for (const auto& perform_it : std::exchange(stay->postponed, {}))
    if (find(key.first, key.second) != nullptr) perform_it();
}

// What was submitted is copied, not moved: this one may have to be begun anew, too. Nothing, if
// there is nothing to make, or it has been made.
std::optional<Stays::Beginning> Stays::beginning_of(const Key& key, net::TaskSpec spec) const {
  const TaskFiles& files = *around_.files;
  const auto& [task, epoch] = key;
  Beginning beginning;
  beginning.directory = files.directory(task, epoch);
  beginning.max_bytes = limits_.task_bytes;
  if (exists(beginning.directory) || exists(files.stay_directory(task, epoch))) return {};
  if (spec.inputs.empty() && spec.stdin_path.empty()) return {};
  for (net::FileSpec& input : spec.inputs) input.path = files.directory(task, 0) + "/" + input.name;
  if (!spec.stdin_path.empty()) spec.stdin_path = files.stdin_path(task, 0);
  beginning.files =
      input_copies(spec, unfinished_name(beginning.directory), files.stdin_path(task, epoch));
  return beginning;
}

// The directory gets its name last, so that a restart knows whether it is complete. Empty, or why
// not.
std::string Stays::make(const Beginning& beginning) {
  const TaskUser own{::geteuid(), ::getegid()};
  const CopyResult copied = copy_in(beginning.files, own, own, beginning.max_bytes);
  const std::string& directory = beginning.directory;
  const std::string unfinished = unfinished_name(directory);
  const auto* error = std::get_if<CopyError>(&copied);
  // With no inputs but standard input nothing has been copied into it.
  if (error == nullptr && make_directories(unfinished) &&
      ::rename(unfinished.c_str(), directory.c_str()) == 0)
    return "";
  const std::string why = error != nullptr ? error->text : directory + ": " + std::strerror(errno);
  remove_stay(unfinished);
  return "it cannot be begun anew: " + why;
}

}  // namespace peerd
