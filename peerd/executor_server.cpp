#include "peerd/executor_server.h"

#include <unistd.h>

#include <cstdio>
#include <variant>

#include "net/codec.h"

namespace peerd {

using net::executor::Stay;

std::string executor_socket(const std::string& state_directory) {
  return state_directory + "/executor.sock";
}

std::string executor_pid_file(const std::string& state_directory) {
  return state_directory + "/executor.pid";
}

ExecutorServer::ExecutorServer(uv_loop_t* loop, Log& log, std::string state_directory,
                               std::function<void()> on_quit)
    : log_(log),
      state_directory_(std::move(state_directory)),
      on_quit_(std::move(on_quit)),
      executor_(loop, 0,
                [this](core::TaskId task, const ProcessEnd& end) { process_ended(task, end); }),
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
  for (const auto& [key, stay] : stays_) tell(stay);
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
  stays_[key] = {frame.task, frame.epoch, Stay::State::running, {}, ""};
  running_[frame.task] = frame.epoch;
  executor_.start(frame.task, frame.process);
}

void ExecutorServer::on(const net::executor::Stop& frame) {
  if (!runs({frame.task, frame.epoch})) return;
  executor_.set_kill_grace(frame.grace);
  executor_.stop(frame.task);
}

void ExecutorServer::on(const net::executor::Kill& frame) {
  if (runs({frame.task, frame.epoch})) executor_.kill(frame.task);
}

void ExecutorServer::on(const net::executor::Discard& frame) {
  const Key key{frame.task, frame.epoch};
  stays_.erase(key);
  if (runs(key)) executor_.kill(frame.task);
}

void ExecutorServer::process_ended(core::TaskId task, const ProcessEnd& end) {
  const auto running = running_.extract(task);
  const auto found = stays_.find({task, running.mapped()});
  if (found == stays_.end()) return;  // discarded meanwhile
  Stay& stay = found->second;
  stay.state = Stay::State::ended;
  stay.status = end.status;
  stay.message = end.message;
  tell(net::executor::Ended{task, stay.epoch, stay.status, stay.message});
}

// --- Its own end

void ExecutorServer::look_around() {
  if (::access(executor_pid_file(state_directory_).c_str(), F_OK) != 0) return on_quit_();
  if (peerd_ || !stays_.empty()) idle_ = 0;
  idle_ += core::kSecond;
  if (idle_ > kIdle) on_quit_();
}

}  // namespace peerd
