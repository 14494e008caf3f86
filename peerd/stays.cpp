#include "peerd/stays.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "peerd/background.h"
#include "peerd/checkpoint/task_paths.h"
#include "peerd/orphans.h"
#include "peerd/stop_point.h"

namespace peerd {
namespace {

using Kind = core::ExitStatus::Kind;

constexpr std::uint64_t kInspectionInterval_ms = 3000;
constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Priorities -9 ... 10 become nice values 19 ... 0, so that the daemon itself, which must answer
// probes in time, is never behind a task.
int nice_of(std::int32_t priority) {
  return std::clamp(10 - priority, 0, 19);
}

// Less than what a line of output needs.
bool disk_is_full(const std::string& path) {
  struct statvfs status {};
  return ::statvfs(path.c_str(), &status) == 0 && status.f_bavail == 0;
}

std::string from_environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

}  // namespace

Stays::Stays(Surroundings surroundings, const Limits& limits)
    : around_(std::move(surroundings)),
      limits_(limits),
      executor_(around_.loop, *around_.log, around_.state_directory, around_.self,
                limits.task_user == net::kRoot,
                [this](const Key& stay, const ProcessEnd& end) { process_ended(stay, end); }) {
  pacer_.set_rate(limits.bandwidth_mbit);
}

void Stays::configure(const Limits& limits) {
  limits_ = limits;
  pacer_.set_rate(limits.bandwidth_mbit);
  check_migration();
}

void Stays::add(core::TaskId task, core::Epoch epoch, net::TaskSpec spec, std::string message) {
  Stay& stay = stays_[{task, epoch}];
  stay.spec = std::move(spec);
  stay.message = std::move(message);
  // A board that lost power may have decided so, and not have done it.
  if (!at_home(task) || core::restarts_of(epoch) == 0) return;
  if (const auto beginning = beginning_of({task, epoch}, stay.spec))
    stay.unusable = make(*beginning);
}

std::map<Stays::Key, core::Time> Stays::take_up(const core::Journal& journal, std::string& error) {
  std::map<Key, core::Time> alive;
  error = executor_.connect();
  for (const auto& [key, found] : executor_.found()) {
    if (!journal.holds(key.first, key.second)) {
      executor_.discard(key);
      continue;
    }
    Stay& stay = stays_[key];
    stay.surrounded = found.movable;
    const auto owned = journal.owned.find(key.first);
    const bool own = owned != journal.owned.end() && owned->second.epoch == key.second;
    if (own && owned->second.ended) continue;
    alive[key] = found.until;  // owned, or prepared and stopped
    stay.begun = stay.running = own;
    stay.comes_running = !own;
  }
  // Of others the files alone are left.
  for (const auto& [task, owned] : journal.owned)
    if (exists(around_.files->stay_directory(task, owned.epoch)))
      stays_[{task, owned.epoch}].surrounded = true;
  check_migration();
  return alive;
}

void Stays::tell_ended() {
  for (const auto& [key, found] : executor_.found())
    if (found.state == net::executor::Stay::State::ended)
      process_ended(key, {found.status, found.message});
}

// --- Running

void Stays::perform(const core::StartTask& action) {
  const Key key{action.task, action.epoch};
  Stay& stay = *find(action.task, action.epoch);
  if (postpone(stay, action)) return;
  if (!stay.unusable.empty()) return fail_to_start(action.task, stay);
  if (action.until != core::kNever) executor_.lease(key, action.until);
  if (executor_.stopped(key))
    go_on(key, stay);
  else if (!stay.begun)  // otherwise it has outlived the last daemon, and may have ended since
    begin(key, stay);
  // Only now it is certain where it prints.
  if (prints_elsewhere(key, stay)) follow(action.task, action.epoch);
}

void Stays::begin(const Key& key, Stay& stay) {
  stay.begun = stay.running = true;
  if (stay.comes_running)
    return process_ended(key, {{Kind::lost, 0}, "its process ended before it could go on here"});
  const std::string directory = around_.files->directory(key.first, key.second);
  // A task without inputs has no directory yet. What stands in the way of it the executor will
  // tell.
  spares_.take(directory, uv_now(around_.loop));
  stay.surrounded = migrates() && !stay.spec.pinned && stay.spec.directory.empty();
  if (stay.surrounded) surround(key, stay);
  executor_.start(key, process_of(key.first, key.second, stay.spec), stay.surrounded);
  if (!stay.surrounded) measure(key, stay);
}

// Not where its home node reads what tasks have printed.
bool Stays::prints_elsewhere(const Key& key, const Stay& stay) const {
  return !stay.results && (stay.surrounded || !at_home(key.first));
}

std::string Stays::work_directory(const Key& key) const {
  const Stay* stay = find(key.first, key.second);
  if (stay == nullptr || !stay->surrounded) return around_.files->directory(key.first, key.second);
  return around_.files->stay_directory(key.first, key.second) + "/files";
}

std::string Stays::printed_path(const Key& key, int stream) const {
  const Stay* stay = find(key.first, key.second);
  if (stay == nullptr || !stay->surrounded)
    return around_.files->output_path(key.first, key.second, stream);
  return around_.files->stay_directory(key.first, key.second) +
         (stream == 1 ? "/stdout" : "/stderr");
}

ProcessSpec Stays::process_of(core::TaskId task, core::Epoch epoch,
                              const net::TaskSpec& spec) const {
  ProcessSpec process;
  process.arguments = spec.arguments;
  const std::string directory = around_.files->directory(task, epoch);
  std::map<std::string, std::string> environment = {
      {"PATH", from_environment("PATH", kDefaultPath)},
      {"LANG", from_environment("LANG", "C.UTF-8")},
      {"HOME", directory},
      {"PEERD_TASK", around_.name_of(task)}};
  for (const std::string& variable : spec.environment) {
    const std::size_t equals = variable.find('=');
    environment[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  const bool surrounded = stays_.at({task, epoch}).surrounded;
  if (surrounded) {
    environment["HOME"] = kWorkingDirectory;
  } else {
    environment[kPeerVariable] = peer_mark(around_.self);
  }
  for (const auto& [name, value] : environment) process.environment.push_back(name + "=" + value);
  process.user = user_of(spec, at_home(task));
  process.directory = directory;
  if (!surrounded) process.own = directory;
  if (surrounded) {
    process.directory = around_.files->stay_directory(task, epoch);
  } else if (!spec.directory.empty()) {
    const bool absolute = spec.directory.front() == '/';
    process.directory = absolute ? spec.directory : directory + "/" + spec.directory;
    if (!absolute) make_directories(process.directory);
  }
  if (!spec.stdin_path.empty()) process.stdin_path = around_.files->stdin_path(task, epoch);
  process.stdout_path = around_.files->output_path(task, epoch, 1);
  process.stderr_path = around_.files->output_path(task, epoch, 2);
  process.nice = nice_of(spec.priority);
  process.cpu_limit_s = spec.cpu_limit_s;
  process.memory_limit_bytes = spec.memory_limit_bytes;
  return process;
}

void Stays::perform(const core::StopTask& action) {
  for (auto at = stays_.lower_bound({action.task, 0});
       at != stays_.end() && at->first.first == action.task; ++at)
    if (postpone(at->second, action)) return;
  core::Epoch epoch = 0;
  if (running_stay(action.task, epoch) != nullptr)
    executor_.stop({action.task, epoch}, limits_.kill_grace);
}

void Stays::process_ended(const Key& key, const ProcessEnd& end) {
  const auto& [task, epoch] = key;
  Stay* stay = find(task, epoch);
  if (stay == nullptr) return;
  // A copy that was stopped: it cannot be taken over any more.
  if (!stay->running) return around_.post(core::BundleReceived{task, epoch, false});
  stay->running = false;
  if (!stay->killed && prints_too_much(task, epoch)) {
    stay->killed = true;
    stay->message = beyond_output_bytes(limits_.output_bytes);
  }
  if (stay->killed && at_home(task) && !stay->surrounded) cut_output(task, epoch);
  core::ExitStatus status = stay->killed ? core::ExitStatus{Kind::failed, 0} : end.status;
  if (stay->message.empty()) stay->message = end.message;
  if (status == core::ExitStatus{Kind::exited, 0}) {
    const std::string missing = missing_output(task, epoch, *stay);
    if (!missing.empty()) {
      status = {Kind::failed, 0};
      stay->message = "output " + missing + " was not produced";
    }
  }
  // What the task itself had to say of it may not have fitted on the disk either.
  if (stay->message.empty() && disk_is_full(around_.files->work_root()))
    stay->message = "no space left on the disk of the task's directory: output may be missing";
  end_when_on_disk(task, epoch, status);
}

// That a task has ended is believed for good: what it printed must not be gone with the power.
void Stays::end_when_on_disk(core::TaskId task, core::Epoch epoch, core::ExitStatus status) {
  std::vector<std::string> printed;
  for (const int stream : {1, 2})
    if (const std::string path = printed_path({task, epoch}, stream); size_of(path) > 0)
      printed.push_back(path);
  const auto end = [this, task, status] { around_.post(core::TaskExited{task, status}); };
  if (printed.empty()) return end();
  in_background(
      around_.loop, lifetime_, [printed] { sync_files(printed); }, end);
}

std::string Stays::missing_output(core::TaskId task, core::Epoch epoch, const Stay& stay) const {
  const std::string directory = work_directory({task, epoch}) + "/";
  for (const net::FileSpec& output : stay.spec.outputs)
    if (!exists(directory + output.name)) return output.name;
  return "";
}

void Stays::look_around() {
  const std::uint64_t now_ms = uv_now(around_.loop);
  const bool inspects = now_ms >= inspect_at_ms_;
  if (inspects) inspect_at_ms_ = now_ms + kInspectionInterval_ms;
  for (auto& [key, stay] : stays_) {
    if (!stay.running) continue;
    if (prints_elsewhere(key, stay)) follow(key.first, key.second);
    if (inspects) measure(key, stay);
    if (!stay.killed && prints_too_much(key.first, key.second))
      kill(key, stay, beyond_output_bytes(limits_.output_bytes));
  }
}

bool Stays::prints_too_much(core::TaskId task, core::Epoch epoch) const {
  for (const int stream : {1, 2})
    if (size_of(printed_path({task, epoch}, stream)) > limits_.output_bytes) return true;
  return false;
}

// What is kept of it is within the limit.
void Stays::cut_output(core::TaskId task, core::Epoch epoch) const {
  for (const int stream : {1, 2}) {
    const std::string path = around_.files->output_path(task, epoch, stream);
    if (size_of(path) <= limits_.output_bytes) continue;
    const int failed = ::truncate(path.c_str(), static_cast<off_t>(limits_.output_bytes));
    if (failed != 0) around_.log->warning("{} cannot be cut: {}", path, std::strerror(errno));
  }
}

void Stays::kill(const Key& key, Stay& stay, const std::string& why) {
  stay.message = why;
  stay.killed = true;
  executor_.kill(key);
}

// --- Bundles

void Stays::perform(const core::SendBundle& action) {
  Stay* stay = nullptr;
  core::Epoch epoch = 0;
  // The stay that it leaves: the newest before the epoch that was offered.
  for (auto& [key, candidate] : stays_)
    if (key.first == action.task && key.second < action.epoch) {
      stay = &candidate;
      epoch = key.second;
    }
  if (postpone(*stay, action)) return;
  if (!stay->unusable.empty())
    return around_.post(core::BundleSent{action.task, action.epoch, false});
  std::vector<std::string> trace;
  if (!at_home(action.task)) trace = around_.explanations->take_untold(action.task);
  if (action.running) return send_running({action.task, epoch}, *stay, action, trace);
  const auto done = [this, task = action.task, left = epoch,
                     offered = action.epoch](const std::string& error) {
    if (!error.empty())
      around_.log->warning("files of {} did not reach the next peer: {}", around_.name_of(task),
                           error);
    if (Stay* sent = find(task, left)) sent->sender.reset();
    around_.post(core::BundleSent{task, offered, error.empty()});
  };
  stay->sender = std::make_unique<BundleSender>(
      around_.loop, action.endpoint,
      hello(net::StreamHello::Kind::bundle, action.task, action.epoch), stay->spec,
      around_.files->directory(action.task, epoch), around_.files->stdin_path(action.task, epoch),
      trace, done);
}

void Stays::perform(const core::ExpectBundle& action) {
  Stay& stay = stays_[{action.task, action.epoch}];
  stay.source = action.from;
  stay.expected_bytes = action.bytes;
  stay.comes_running = action.running;
}

bool Stays::accept_bundle(std::unique_ptr<net::FrameStream>& stream,
                          const net::StreamHello& hello) {
  Stay* stay = find(hello.task, hello.epoch);
  if (stay == nullptr || stay->source != hello.from || stay->receiver || stay->image_receiver)
    return false;
  if (stay->comes_running) {
    const Key key{hello.task, hello.epoch};
    net::executor::Restore place;
    place.directory = around_.files->stay_directory(hello.task, hello.epoch);
    place.fifo = around_.files->image_path(hello.task, hello.epoch);
    place.max_bytes = limits_.task_bytes;
    stay->image_receiver = std::make_unique<ImageReceiver>(
        around_.loop, executor_, key, std::move(stream), std::move(place),
        [this, own = at_home(key.first)](const net::TaskSpec& spec) { return user_of(spec, own); },
        [this, key](ImageReceiver::Arrival arrival) { image_arrived(key, std::move(arrival)); });
    return true;
  }
  const auto done = [this, task = hello.task,
                     epoch = hello.epoch](BundleReceiver::Arrival arrival) {
    bundle_arrived(task, epoch, std::move(arrival));
  };
  const std::string directory = around_.files->directory(hello.task, hello.epoch);
  make_directories(directory);
  stay->receiver = std::make_unique<BundleReceiver>(
      around_.loop, std::move(stream), directory,
      around_.files->stdin_path(hello.task, hello.epoch), stay->expected_bytes, done);
  return true;
}

void Stays::bundle_arrived(core::TaskId task, core::Epoch epoch, BundleReceiver::Arrival arrival) {
  Stay* stay = find(task, epoch);
  if (stay == nullptr) return;
  stop_point("received bundle");
  stay->receiver.reset();
  stay->source = core::PeerId::none;
  if (!arrival.error.empty())
    around_.log->warning("files of {} did not arrive: {}", around_.name_of(task), arrival.error);
  for (const std::string& line : arrival.trace) around_.explanations->add(task, line);
  stay->spec = std::move(arrival.spec);
  around_.post(core::BundleReceived{task, epoch, arrival.error.empty()});
}

void Stays::perform(const core::CancelBundle& action) {
  for (auto& [key, stay] : stays_)
    if (key.first == action.task && key.second < action.epoch) {
      if (postpone(stay, action)) return;
      stay.sender.reset();
      stay.image_sender.reset();
      if (stay.surrounded && stay.running) go_on(key, stay);
    }
  if (Stay* stay = find(action.task, action.epoch)) {
    stay->receiver.reset();
    stay->image_receiver.reset();
    stay->source = core::PeerId::none;
    if (executor_.holds({action.task, action.epoch}))
      executor_.discard({action.task, action.epoch});
  }
}

// --- Ends

void Stays::perform(const core::DiscardTask& action) {
  const Stay* stay = find(action.task, action.epoch);
  const bool directory_alone = at_home(action.task) && stay != nullptr && action.epoch != 0 &&
                               stay->spec.stdin_path.empty() && !stay->surrounded &&
                               !stay->comes_running;
  stays_.erase({action.task, action.epoch});
  if (executor_.holds({action.task, action.epoch})) executor_.discard({action.task, action.epoch});
  if (!at_home(action.task)) around_.explanations->forget(action.task);
  const std::string directory = around_.files->directory(action.task, action.epoch);
  // Most tasks leave an empty one: dealt with before another thread would have heard of it.
  if (directory_alone && spares_.give(directory, uv_now(around_.loop))) return;
  in_background(around_.loop, [directory] { remove_stay(directory); });
}

// --- Users

net::UserNumber Stays::user_of(const net::TaskSpec& spec, bool at_home) const {
  if (!users_count()) return net::kNoUser;
  const bool somebody = spec.user != net::kNoUser && spec.user != net::kRoot;
  return somebody && (at_home || limits_.as_submitter) ? spec.user : limits_.task_user;
}

void Stays::copy(net::executor::Copy request, OnCopied on_copied) {
  if (request.user == net::kRoot && ::geteuid() != 0) request.user = limits_.task_user;
  executor_.copy(std::move(request), std::move(on_copied));
}

std::string Stays::user_obstacle(core::TaskId task, const net::TaskSpec& spec,
                                 core::PeerId to) const {
  const net::UserNumber here = user_of(spec, at_home(task));
  const net::UserNumber there = user_of(spec, to == task.home);
  if (here == there) return "";
  return "it runs as " + user_name(here) + ", and would be " + user_name(there) +
         " there: see node.task_user";
}

// --- Odds

const net::TaskSpec* Stays::spec(core::TaskId task) const {
  const net::TaskSpec* newest = nullptr;
  for (auto at = stays_.lower_bound({task, 0}); at != stays_.end() && at->first.first == task; ++at)
    newest = &at->second.spec;
  return newest;
}

const net::TaskSpec* Stays::spec(core::TaskId task, core::Epoch epoch) const {
  const Stay* stay = find(task, epoch);
  return stay == nullptr ? nullptr : &stay->spec;
}

std::string Stays::message(core::TaskId task, core::Epoch epoch) const {
  const Stay* stay = find(task, epoch);
  return stay == nullptr ? "" : stay->message;
}

const Stays::Stay* Stays::find(core::TaskId task, core::Epoch epoch) const {
  const auto found = stays_.find({task, epoch});
  return found == stays_.end() ? nullptr : &found->second;
}

Stays::Stay* Stays::find(core::TaskId task, core::Epoch epoch) {
  return const_cast<Stay*>(std::as_const(*this).find(task, epoch));
}

Stays::Stay* Stays::running_stay(core::TaskId task, core::Epoch& epoch) {
  for (auto at = stays_.lower_bound({task, 0}); at != stays_.end() && at->first.first == task; ++at)
    if (at->second.running) {
      epoch = at->first.second;
      return &at->second;
    }
  return nullptr;
}

net::StreamHello Stays::hello(net::StreamHello::Kind kind, core::TaskId task,
                              core::Epoch epoch) const {
  return {core::kProtocolVersion, kind, around_.self, task, epoch};
}

}  // namespace peerd
