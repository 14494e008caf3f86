#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "net/codec.h"
#include "peerd/results.h"
#include "peerd/task_stream.h"

namespace peerd {

ResultsSender::ResultsSender(uv_loop_t* loop, const core::Endpoint& home,
                             const net::StreamHello& hello, const std::string& stdout_path,
                             const std::string& stderr_path, TakeTrace take_trace,
                             OnRefused on_refused)
    : loop_(loop),
      home_(home),
      hello_(hello),
      followed_{{stdout_path, {}, 0}, {stderr_path, {}, 0}},
      take_trace_(std::move(take_trace)),
      on_refused_(std::move(on_refused)),
      timer_(loop, [this] { follow(); }) {
  connect();
  timer_.start(kFollowInterval, kFollowInterval);
}

void ResultsSender::finish(const core::Endpoint& home, const net::StreamEnding& ending,
                           std::vector<FileToSend> outputs, OnDone on_done) {
  home_ = home;
  ending_ = ending;
  outputs_ = std::move(outputs);
  on_done_ = std::move(on_done);
  finishing_ = true;
  if (!stream_) connect();
  follow();
}

void ResultsSender::connect() {
  files_.reset();
  refused_ = false;
  for (Followed& followed : followed_) followed.offset = 0;
  stream_ = net::FrameStream::connect_tcp(
      loop_, home_,
      {.on_frame = [this](const net::Bytes& frame) { on_frame(frame); },
       .on_closed =
           [this](const std::string& error) {
             broken(error.empty() ? "the home node closed the stream" : error);
           },
       .on_drained = [this] { follow(); }});
  write_frame(*stream_, hello_);
}

// Sends what is new of stdout and stderr, and, once the task has ended and all of that is out, the
// rest.
void ResultsSender::follow() {
  if (!stream_) return connect();
  if (files_) return files_->on_drained();
  const bool out_complete = pump(0);
  const bool err_complete = pump(1);
  for (std::string& line : take_trace_()) trace_.push_back(std::move(line));
  write_trace(*stream_, std::span(trace_).subspan(trace_sent_));
  trace_sent_ = trace_.size();
  if (finishing_ && out_complete && err_complete) send_rest();
}

// True if all that the file holds now has been written to the stream.
bool ResultsSender::pump(std::uint32_t index) {
  if (refused_) return true;
  Followed& followed = followed_[index];
  if (!followed.file) followed.file = UniqueFd(::open(followed.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!followed.file) return true;  // a task that never ran has printed nothing
  while (stream_->pending_bytes() <= FileSender::kMaxPendingBytes) {
    net::StreamChunk chunk{index, followed.offset, {}};
    chunk.bytes.resize(net::kMaxChunkBytes);
    const ssize_t got = ::pread(followed.file.get(), chunk.bytes.data(), chunk.bytes.size(),
                                static_cast<off_t>(followed.offset));
    if (got <= 0) return true;
    chunk.bytes.resize(static_cast<std::size_t>(got));
    followed.offset += static_cast<std::uint64_t>(got);
    write_frame(*stream_, std::move(chunk));
  }
  return false;
}

void ResultsSender::send_rest() {
  timer_.stop();
  files_ =
      std::make_unique<FileSender>(loop_, *stream_, outputs_, [this](const std::string& error) {
        // An output that cannot be read here will not be readable later: its user is told.
        if (!error.empty() && ending_.message.empty()) ending_.message = error;
        if (!error.empty()) ending_.status = {core::ExitStatus::Kind::failed, 0};
        write_frame(*stream_, ending_);
        write_frame(*stream_, net::StreamEnd{});
      });
}

void ResultsSender::on_frame(const net::Bytes& frame) {
  const auto decoded = net::decode_stream_frame(frame);
  const auto* answer = std::get_if<net::StreamFrame>(&decoded);
  const auto* reply = answer == nullptr ? nullptr : std::get_if<net::StreamDone>(answer);
  if (reply == nullptr) return broken("the home node answers nonsense");
  if (!reply->ok) return broken(reply->error);
  // Ahead of the end it is a refusal; the home node reads the rest and answers once more.
  if (files_ || reply->error.empty()) return done("", reply->error);
  refused_ = true;
  on_refused_(reply->error);
}

void ResultsSender::broken(const std::string& error) {
  files_.reset();
  stream_.reset();
  if (finishing_) return done(error, "");
  timer_.start(kReconnectInterval, kFollowInterval);
}

void ResultsSender::done(const std::string& error, const std::string& failure) {
  finishing_ = false;
  timer_.stop();
  // Last: the callback may destroy this object.
  const auto callback = std::exchange(on_done_, nullptr);
  if (callback) callback(error, failure);
}

}  // namespace peerd
