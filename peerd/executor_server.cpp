#include "peerd/executor_server.h"

#include <unistd.h>

#include <cstdio>
#include <variant>

#include "net/codec.h"
#include "peerd/checkpoint/needed_files.h"
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
                               core::PeerId peer, std::function<void()> on_quit)
    : log_(log),
      state_directory_(std::move(state_directory)),
      on_quit_(std::move(on_quit)),
      executor_(loop, 0,
                [this](core::TaskId task, const ProcessEnd& end) {
                  process_ended({task, running_.extract(task).mapped()}, end);
                }),
      movables_(
          loop, peer_mark(peer),
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
  if (!user || (*user != 0 && *user != ::geteuid()))
    return log_.limited(Level::warning, "user", "executor: another user's connection is refused");
  peerd_ = std::move(stream);
  peerd_->set_callbacks({.on_frame = [this](const net::Bytes& frame) { on_frame(frame); },
                         .on_closed = [this](const std::string& error) { disconnected(error); },
                         .on_drained = nullptr});
  tell(net::executor::Hello{.limits = executor_.limits_in_use()});
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
  return found != running_.end() && found->second == key.second;
}

void ExecutorServer::on(net::executor::Start frame) {
  const Key key{frame.task, frame.epoch};
  if (stays_.contains(key) || running_.contains(frame.task))
    return disconnected("peerd started a task that runs already");
  stays_[key] = {frame.task, frame.epoch, Stay::State::running, frame.movable, {}, ""};
  if (frame.movable) {
    movables_.start(key, frame.process);
  } else {
    running_[frame.task] = frame.epoch;
    executor_.start(frame.task, frame.process);
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

void ExecutorServer::process_ended(const Key& key, const ProcessEnd& end) {
  const auto found = stays_.find(key);
  if (found == stays_.end()) return;  // discarded meanwhile
  Stay& stay = found->second;
  stay.state = Stay::State::ended;
  stay.status = end.status;
  stay.message = end.message;
  tell(net::executor::Ended{key.first, key.second, stay.status, stay.message});
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
  Inspection inspection = movables_.inspect({frame.task, frame.epoch});
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
  stays_[key] = {frame.task, frame.epoch, Stay::State::stopped, true, {}, ""};
  movables_.restore(key, frame.directory, frame.fifo, frame.max_bytes);
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
