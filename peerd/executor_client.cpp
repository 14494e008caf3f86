#include "peerd/executor_client.h"

#include <unistd.h>

#include <variant>

#include "net/codec.h"
#include "peerd/executor_server.h"
#include "peerd/orphans.h"
#include "peerd/program.h"

namespace peerd {
namespace {

constexpr core::Duration kReconnect = 5 * core::kMillisecond;
constexpr core::Duration kRelaunch = core::kSecond;
constexpr std::uint64_t kPatience_ms = 30'000;  // a new one reads all of /proc first
constexpr const char* kProgram = "peerd-executor";

const ProcessEnd kLost{{core::ExitStatus::Kind::lost, 0},
                       "its executor, the process that all tasks here belong to, was ended"};

}  // namespace

// An executor that this daemon has started. libuv wants the handle's memory until it has closed.
struct ExecutorClient::Launched {
  uv_process_t process{};
  ExecutorClient* client = nullptr;

  void close() {
    client = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&process),
             [](uv_handle_t* handle) { delete static_cast<Launched*>(handle->data); });
  }
};

ExecutorClient::ExecutorClient(uv_loop_t* loop, Log& log, const std::string& state_directory,
                               core::PeerId self, bool root_tasks, OnEnd on_end)
    : loop_(loop),
      log_(log),
      state_directory_(state_directory),
      self_(self),
      root_tasks_(root_tasks),
      on_end_(std::move(on_end)),
      timer_(loop, [this] { open(); }) {}

ExecutorClient::~ExecutorClient() {
  if (held_.empty()) quit();
  if (stream_) stream_->close();
  if (launched_ == nullptr) return;
  // One that ends with this daemon is waited for, and not left to somebody else to reap.
  launched_->client = nullptr;
  if (held_.empty() && ready_)
    uv_ref(reinterpret_cast<uv_handle_t*>(&launched_->process));
  else
    launched_->close();
}

// --- The connection

std::string ExecutorClient::connect() {
  open();
  const std::uint64_t deadline = uv_now(loop_) + kPatience_ms;
  while (!ready_ && failure_.empty() && uv_now(loop_) < deadline) uv_run(loop_, UV_RUN_ONCE);
  if (ready_) return "";
  return failure_.empty() ? std::string("the executor does not answer") : failure_;
}

void ExecutorClient::open() {
  stream_ = net::FrameStream::connect_unix(
      loop_, executor_socket(state_directory_),
      {.on_frame = [this](const net::Bytes& frame) { on_frame(frame); },
       .on_closed = [this](const std::string& error) { closed(error); },
       .on_drained = nullptr});
}

void ExecutorClient::closed(const std::string& error) {
  stream_.reset();
  if (on_gone_) {
    log_.error(
        "the executor is gone, and only root can start another one: this peer ends, for "
        "whoever started it to start it again");
    return on_gone_();
  }
  if (ready_) {
    log_.warning("the executor is gone{}; another one is started",
                 error.empty() ? "" : ": " + error);
    expected_ = running_;
    expected_.insert(stopped_.begin(), stopped_.end());
  }
  ready_ = false;
  give_up_answers();
  if (launched_ == nullptr) launch();
  timer_.start(launched_ == nullptr ? kRelaunch : kReconnect);
}

void ExecutorClient::launch() {
  const std::string program = program_beside(kProgram);
  std::string state = state_directory_;
  std::string peer = peer_mark(self_);
  std::string name = kProgram;
  std::string root_tasks = kRootTasks;
  char* arguments[] = {name.data(), state.data(), peer.data(),
                       root_tasks_ ? root_tasks.data() : nullptr, nullptr};
  uv_stdio_container_t streams[3] = {};
  streams[0].flags = streams[1].flags = UV_IGNORE;
  streams[2].flags = UV_INHERIT_FD;
  streams[2].data.fd = STDERR_FILENO;
  uv_process_options_t options{};
  options.file = program.c_str();
  options.args = arguments;
  options.cwd = "/";
  options.flags = UV_PROCESS_DETACHED;
  options.stdio = streams;
  options.stdio_count = 3;
  options.exit_cb = [](uv_process_t* process, std::int64_t, int) {
    auto* launched = static_cast<Launched*>(process->data);
    if (launched->client != nullptr) return launched->client->launched_ended();
    launched->close();
  };
  launched_ = new Launched;
  launched_->process.data = launched_;
  launched_->client = this;
  const int error = uv_spawn(loop_, &launched_->process, &options);
  uv_unref(reinterpret_cast<uv_handle_t*>(&launched_->process));
  failure_.clear();
  if (error == 0) return;
  failure_ = program + ": " + uv_strerror(error);
  log_.limited(Level::error, "executor", "no task can be started: " + failure_);
  std::exchange(launched_, nullptr)->close();
}

void ExecutorClient::launched_ended() {
  std::exchange(launched_, nullptr)->close();
  if (!ready_) failure_ = std::string(kProgram) + " ended at once";
}

void ExecutorClient::on_frame(const net::Bytes& bytes) {
  auto decoded = net::decode_executor_frame(bytes);
  if (auto* error = std::get_if<net::DecodeError>(&decoded)) {
    if (known_) return closed(error->reason);
    stream_.reset();
    failure_ =
        "the executor of an earlier peerd, whose tasks run, is not understood: " + error->reason +
        "; start that peerd again until they have ended, or end them and the " +
        "executor, whose number is in " + executor_pid_file(state_directory_);
    return;
  }
  std::visit([this](auto&& frame) { on(std::move(frame)); },
             std::move(std::get<net::executor::Frame>(decoded)));
}

void ExecutorClient::on(const net::executor::Hello& frame) {
  about_ = frame;
}

void ExecutorClient::on(const net::executor::Stay& frame) {
  const Key stay{frame.task, frame.epoch};
  const bool runs = frame.state == net::executor::Stay::State::running;
  if (!known_) {
    found_[stay] = frame;
    held_.insert(stay);
    if (runs) running_.insert(stay);
    if (frame.state == net::executor::Stay::State::stopped) stopped_.insert(stay);
    return;
  }
  // The connection was broken, not the executor.
  expected_.erase(stay);
  if (!held_.contains(stay)) return discard(stay);
  if (frame.state == net::executor::Stay::State::ended) ended(stay, {frame.status, frame.message});
}

void ExecutorClient::on(const net::executor::Ready&) {
  ready_ = known_ = true;
  failure_.clear();
  for (net::Bytes& frame : std::exchange(waiting_, {})) stream_->write(std::move(frame));
  if (on_checked_) send(net::executor::Check{});
  for (const Key& stay : std::exchange(expected_, {})) ended(stay, kLost);
}

// --- Stays

void ExecutorClient::on(const net::executor::Ended& frame) {
  ended({frame.task, frame.epoch}, {frame.status, frame.message});
}

void ExecutorClient::ended(const Key& stay, const ProcessEnd& end) {
  const bool ran = running_.erase(stay) > 0;
  const bool stood = stopped_.erase(stay) > 0;
  if (ran || stood) on_end_(stay, end);
}

void ExecutorClient::start(const Key& stay, const ProcessSpec& process, bool movable) {
  running_.insert(stay);
  held_.insert(stay);
  send(net::executor::Start{stay.first, stay.second, process, movable});
}

void ExecutorClient::stop(const Key& stay, core::Duration grace) {
  if (runs(stay)) send(net::executor::Stop{stay.first, stay.second, grace});
}

void ExecutorClient::lease(const Key& stay, core::Time until) {
  send(net::executor::Lease{stay.first, stay.second, until});
}

void ExecutorClient::kill(const Key& stay) {
  if (runs(stay)) send(net::executor::Kill{stay.first, stay.second});
}

void ExecutorClient::discard(const Key& stay) {
  running_.erase(stay);
  stopped_.erase(stay);
  held_.erase(stay);
  forget_answers(stay);
  send(net::executor::Discard{stay.first, stay.second});
}

// --- Moving

void ExecutorClient::check(OnChecked on_checked) {
  on_checked_ = std::move(on_checked);
  if (ready_) send(net::executor::Check{});
}

void ExecutorClient::inspect(const Key& stay, bool files, OnInspected on_inspected) {
  if (inspections_.contains(stay) && !files) return;
  inspections_[stay] = {files, std::move(on_inspected)};
  send(net::executor::Inspect{stay.first, stay.second, files});
}

void ExecutorClient::dump(const Key& stay, const std::string& fifo, OnMoved on_moved) {
  moves_[stay] = std::move(on_moved);
  send(net::executor::Dump{stay.first, stay.second, fifo});
}

void ExecutorClient::restore(const Key& stay, net::executor::Restore request, OnMoved on_moved) {
  held_.insert(stay);
  moves_[stay] = std::move(on_moved);
  request.task = stay.first;
  request.epoch = stay.second;
  send(request);
}

void ExecutorClient::forget_answers(const Key& stay) {
  inspections_.erase(stay);
  moves_.erase(stay);
}

void ExecutorClient::resume(const Key& stay) {
  forget_answers(stay);
  if (!held_.contains(stay)) return;
  stopped_.erase(stay);
  running_.insert(stay);
  send(net::executor::Resume{stay.first, stay.second});
}

void ExecutorClient::on(const net::executor::Checked& frame) {
  if (on_checked_) on_checked_(frame);
}

void ExecutorClient::on(const net::executor::Inspected& frame) {
  const auto found = inspections_.find({frame.task, frame.epoch});
  if (found == inspections_.end()) return;
  // An earlier question's answer: every task has a file, its program.
  if (found->second.files && frame.files.empty() && frame.obstacle.empty()) return;
  inspections_.extract(found).mapped().on_inspected(frame);
}

void ExecutorClient::on(const net::executor::Moved& frame) {
  auto found = moves_.extract({frame.task, frame.epoch});
  if (!found) return;
  if (frame.done) stopped_.insert(found.key());
  found.mapped()(frame);
}

void ExecutorClient::copy(net::executor::Copy request, OnCopied on_copied) {
  request.number = ++last_copy_;
  copies_[request.number] = std::move(on_copied);
  send(request);
}

void ExecutorClient::on(const net::executor::Copied& frame) {
  if (auto found = copies_.extract(frame.number)) found.mapped()(frame);
}

void ExecutorClient::give_up_answers() {
  for (const auto& [number, on_copied] : std::exchange(copies_, {})) {
    net::executor::Copied copied;
    copied.number = number;
    copied.failure = net::executor::Copied::Failure::unwritable;
    copied.message = "the executor is gone";
    on_copied(copied);
  }
  inspections_.clear();
  for (const auto& [stay, on_moved] : std::exchange(moves_, {})) {
    net::executor::Moved moved;
    moved.message = "the executor is gone";
    on_moved(moved);
  }
}

void ExecutorClient::quit() {
  if (ready_) send(net::executor::Quit{});
}

void ExecutorClient::send(const net::executor::Frame& frame) {
  net::Bytes bytes = net::encode(frame);
  if (ready_) return stream_->write(std::move(bytes));
  waiting_.push_back(std::move(bytes));
}

}  // namespace peerd
