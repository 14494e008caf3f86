#include "peerd/executor_server.h"

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <variant>

#include "net/codec.h"
#include "peerd/background.h"
#include "peerd/checkpoint/needed_files.h"
#include "peerd/file_copy.h"
#include "peerd/orphans.h"

namespace peerd {

using net::executor::Stay;

std::string executor_socket(const std::string& state_directory) {
  return state_directory + "/executor.sock";
}

std::string executor_pid_file(const std::string& state_directory) {
  return state_directory + "/executor.pid";
}

ExecutorServer::ExecutorServer(uv_loop_t* loop, Log& log, std::string state_directory,
                               core::PeerId peer, bool root_tasks, std::function<void()> on_quit)
    : log_(log),
      state_directory_(std::move(state_directory)),
      on_quit_(std::move(on_quit)),
      users_(state_directory_, root_tasks),
      executor_(loop, 0, true,
                [this](core::TaskId task, const ProcessEnd& end) { executor_ended(task, end); }),
      movables_(
          loop, peer_mark(peer), users_, executor_.cgroups(),
          [this](const Key& key, const ProcessEnd& end) { process_ended(key, end); },
          [this](const Key& key, const Outcome& outcome) { moved(key, outcome); }),
      leases_(loop, [this](const Key& key, bool may_run) { lease_changed(key, may_run); }),
      timer_(loop, [this] { look_around(); }) {}

ExecutorServer::~ExecutorServer() {
  if (listener_) ::unlink(executor_pid_file(state_directory_).c_str());
}

std::string ExecutorServer::listen() {
  std::string error;
  listener_ = net::StreamListener::listen_unix(
      timer_.loop(), executor_socket(state_directory_),
      [this](std::unique_ptr<net::FrameStream> stream, const std::string&) {
        connected(std::move(stream));
      },
      error);
  if (!listener_) return error;
  const TaskUser owner = users_.owner();
  if (users_.count() &&
      ::chown(executor_socket(state_directory_).c_str(), owner.uid, owner.gid) != 0)
    return "cannot give " + executor_socket(state_directory_) + " to its owner";
  const std::string path = executor_pid_file(state_directory_);
  std::FILE* file = std::fopen(path.c_str(), "we");
  const bool written = file != nullptr && std::fprintf(file, "%d\n", ::getpid()) > 0;
  if ((file != nullptr && std::fclose(file) != 0) || !written) return "cannot write " + path;
  timer_.start(core::kSecond, core::kSecond);
  return "";
}

// --- peerd

void ExecutorServer::connected(std::unique_ptr<net::FrameStream> stream) {
  const auto user = stream->peer_user();
  if (!user || (*user != 0 && *user != ::geteuid() && *user != users_.owner().uid))
    return log_.limited(Level::warning, "user", "executor: another user's connection is refused");
  peerd_ = std::move(stream);
  peerd_->set_callbacks({.on_frame = [this](const net::Bytes& frame) { on_frame(frame); },
                         .on_closed = [this](const std::string& error) { disconnected(error); },
                         .on_drained = nullptr});
  tell(net::executor::Hello{.limits = executor_.limits_in_use(),
                            .root = users_.count(),
                            .not_contained = executor_.not_contained_reason()});
  for (auto& [key, stay] : stays_) {
    stay.until = leases_.until(key);
    tell(stay);
  }
  tell(net::executor::Ready{});
  peerd_->resume();
}

void ExecutorServer::disconnected(const std::string& error) {
  if (!error.empty()) log_.limited(Level::warning, "peerd", "executor: " + error);
  idle_ = 0;
  peerd_.reset();
}

void ExecutorServer::tell(net::executor::Frame frame) {
  if (peerd_) peerd_->write(net::encode(frame));
}

void ExecutorServer::on_frame(const net::Bytes& bytes) {
  auto decoded = net::decode_executor_frame(bytes);
  if (auto* error = std::get_if<net::DecodeError>(&decoded)) return disconnected(error->reason);
  std::visit([this](auto&& frame) { on(std::move(frame)); },
             std::move(std::get<net::executor::Frame>(decoded)));
}

// --- Stays

bool ExecutorServer::runs(const Key& key) const {
  const auto found = running_.find(key.first);
  return found != running_.end() && found->second.epoch == key.second;
}

void ExecutorServer::on(net::executor::Start frame) {
  const Key key{frame.task, frame.epoch};
  if (stays_.contains(key) || running_.contains(frame.task))
    return disconnected("peerd started a task that runs already");
  const std::string& given = frame.movable ? frame.process.directory : frame.process.own;
  if (!given.empty() && !users_.may_be_given(given))
    return disconnected("peerd gives a task what is not its own: " + given);
  stays_[key] = {frame.task, frame.epoch, Stay::State::running, frame.movable, {}, ""};
  const auto user = users_.allowed(frame.process.user);
  if (const auto* refusal = std::get_if<std::string>(&user))
    return process_ended(key, {{core::ExitStatus::Kind::failed, 0}, *refusal});
  if (frame.movable) {
    movables_.start(key, frame.process, std::get<TaskUser>(user));
  } else {
    running_[frame.task] = {frame.epoch, frame.process.own};
    std::optional<Executor::Users> users;
    if (users_.count()) users = {std::get<TaskUser>(user), users_.owner()};
    executor_.start(frame.task, frame.process, users);
  }
  // It may have waited for longer than its lease.
  if (!leases_.may_run(key)) lease_changed(key, false);
}

void ExecutorServer::on(const net::executor::Stop& frame) {
  // It must not run, not even to end politely.
  if (!leases_.may_run({frame.task, frame.epoch}))
    return on(net::executor::Kill{frame.task, frame.epoch});
  movables_.stop({frame.task, frame.epoch}, frame.grace);
  if (!runs({frame.task, frame.epoch})) return;
  executor_.set_kill_grace(frame.grace);
  executor_.stop(frame.task);
}

void ExecutorServer::on(const net::executor::Kill& frame) {
  movables_.kill({frame.task, frame.epoch});
  if (runs({frame.task, frame.epoch})) executor_.kill(frame.task);
}

void ExecutorServer::on(const net::executor::Discard& frame) {
  const Key key{frame.task, frame.epoch};
  stays_.erase(key);
  leases_.forget(key);
  movables_.discard(key);
  if (runs(key)) executor_.kill(frame.task);
}

void ExecutorServer::executor_ended(core::TaskId task, const ProcessEnd& end) {
  const Running ran = running_.extract(task).mapped();
  const Key key{task, ran.epoch};
  if (stays_.contains(key)) return process_ended(key, end);
  // Discarded while it ran: what was its user's peerd could not remove, and whoever it was, it may
  // have written on while peerd did. An empty one that peerd keeps as a spare is no loss.
  const TaskUser owner = users_.owner();
  remove_abandoned(ran.own, owner.uid, owner);
}

void ExecutorServer::process_ended(const Key& key, const ProcessEnd& end) {
  const auto found = stays_.find(key);
  if (found == stays_.end()) return;  // discarded meanwhile
  Stay& stay = found->second;
  stay.state = Stay::State::ended;
  stay.status = end.status;
  stay.message = end.message;
  tell(net::executor::Ended{key.first, key.second, stay.status, stay.message});
}

// --- Users' files

void ExecutorServer::on(net::executor::Copy frame) {
  using net::executor::Copied;
  using net::executor::Copy;
  const auto answer = std::make_shared<Copied>();
  answer->number = frame.number;
  const auto user = users_.files_of(frame.user);
  if (const auto* refusal = std::get_if<std::string>(&user)) {
    answer->failure = Copied::Failure::unreadable;
    answer->message = *refusal;
    return tell(*answer);
  }
  in_background(
      timer_.loop(), lifetime_,
      [answer, request = std::move(frame), as = std::get<TaskUser>(user), owner = users_.owner()] {
        const bool in = request.direction == Copy::Direction::from_user;
        const CopyResult result = in ? copy_in(request.files, as, owner, request.max_bytes)
                                     : copy_out(request.files, as, owner, request.max_bytes);
        if (const auto* bytes = std::get_if<std::uint64_t>(&result)) answer->bytes = *bytes;
        const auto* error = std::get_if<CopyError>(&result);
        if (error == nullptr) return;
        answer->failure = error->kind;
        answer->message = error->text;
      },
      [this, answer] { tell(*answer); });
}

// --- Leases

void ExecutorServer::on(const net::executor::Lease& frame) {
  leases_.set({frame.task, frame.epoch}, frame.until);
}

void ExecutorServer::lease_changed(const Key& key, bool may_run) {
  const auto found = stays_.find(key);
  if (found == stays_.end() || found->second.state == Stay::State::ended) return;
  log_.info("a task is {} its lease", may_run ? "let go on with" : "frozen for want of");
  if (movables_.has(key)) return may_run ? movables_.thaw(key) : movables_.freeze(key);
  if (runs(key)) return may_run ? executor_.thaw(key.first) : executor_.freeze(key.first);
}

// --- Moving

void ExecutorServer::on(const net::executor::Check&) {
  if (checked_) return tell(*checked_);
  if (std::exchange(checking_, true)) return;
  movables_.check([this](const Outcome& outcome) {
    checked_ = {outcome.kind == Outcome::Kind::done, outcome.message};
    tell(*checked_);
  });
}

void ExecutorServer::on(const net::executor::Inspect& frame) {
  movables_.inspect({frame.task, frame.epoch},
                    [this, frame](const Inspection& found) { inspected(frame, found); });
}

void ExecutorServer::inspected(const net::executor::Inspect& frame, Inspection inspection) {
  std::string files;
  if (frame.files && inspection.obstacle.empty()) {
    if (inspection.files.size() <= kMaxNeededFiles) files = to_text(inspection.files);
    if (inspection.files.size() > kMaxNeededFiles || files.size() >= kMaxNeededFilesBytes)
      inspection.obstacle = "too many files are open";
  }
  tell(net::executor::Inspected{frame.task, frame.epoch, inspection.obstacle,
                                inspection.resident_bytes,
                                inspection.obstacle.empty() ? files : std::string()});
}

void ExecutorServer::on(const net::executor::Dump& frame) {
  movables_.dump({frame.task, frame.epoch}, frame.fifo);
}

void ExecutorServer::on(const net::executor::Restore& frame) {
  const Key key{frame.task, frame.epoch};
  if (stays_.contains(key)) return disconnected("peerd restores a task that is there already");
  if (!users_.may_be_given(frame.directory))
    return disconnected("peerd gives a task what is not its own: " + frame.directory);
  const auto user = users_.allowed(frame.user);
  if (const auto* refusal = std::get_if<std::string>(&user)) {
    Outcome outcome;
    outcome.kind = Outcome::Kind::not_movable;
    outcome.message = *refusal;
    return moved(key, outcome);
  }
  stays_[key] = {frame.task, frame.epoch, Stay::State::stopped, true, {}, ""};
  movables_.restore(key, frame, std::get<TaskUser>(user));
}

void ExecutorServer::on(const net::executor::Resume& frame) {
  const Key key{frame.task, frame.epoch};
  const auto found = stays_.find(key);
  if (found == stays_.end() || found->second.state == Stay::State::ended) return;
  found->second.state = Stay::State::running;
  movables_.resume(key);
}

void ExecutorServer::moved(const Key& key, const Outcome& outcome) {
  const bool done = outcome.kind == Outcome::Kind::done;
  const auto found = stays_.find(key);
  if (found != stays_.end() && done) found->second.state = Stay::State::stopped;
  if (found != stays_.end() && !done && !movables_.has(key)) stays_.erase(found);
  tell(net::executor::Moved{key.first, key.second, done, outcome.kind == Outcome::Kind::not_movable,
                            outcome.message, outcome.criu_us, outcome.total_us, outcome.bytes,
                            outcome.packed_bytes});
}

// --- Its own end

void ExecutorServer::look_around() {
  if (::access(executor_pid_file(state_directory_).c_str(), F_OK) != 0) return on_quit_();
  if (peerd_ || !stays_.empty()) idle_ = 0;
  idle_ += core::kSecond;
  if (idle_ > kIdle) on_quit_();
}

}  // namespace peerd
