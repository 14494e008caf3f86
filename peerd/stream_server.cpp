#include "peerd/stream_server.h"

#include <utility>

#include "net/codec.h"
#include "peerd/task_stream.h"

namespace peerd {

StreamServer::StreamServer(uv_loop_t* loop, Log& log, OnHello on_hello)
    : loop_(loop),
      log_(log),
      on_hello_(std::move(on_hello)),
      timer_(loop, [this] { end_silent(); }) {}

std::string StreamServer::listen(const core::Endpoint& endpoint) {
  std::string error;
  listener_ = net::StreamListener::listen_tcp(
      loop_, endpoint,
      [this](std::unique_ptr<net::FrameStream> stream, const std::string& from) {
        accepted(std::move(stream), from);
      },
      error);
  return error;
}

void StreamServer::accepted(std::unique_ptr<net::FrameStream> stream, const std::string& from) {
  if (waiting_.size() >= limit_) {
    log_.limited(Level::warning, "too many streams",
                 "stream of " + from + " refused: " + std::to_string(limit_) +
                     " unidentified ones is the limit ([limits] streams)");
    return;
  }
  const std::uint64_t number = next_number_++;
  stream->set_callbacks(
      {.on_frame = [this, number](const net::Bytes& frame) { first_frame(number, frame); },
       .on_closed = [this, number](const std::string&) { waiting_.erase(number); },
       .on_drained = nullptr});
  stream->resume();
  waiting_[number] = {std::move(stream), from, uv_now(loop_)};
  if (waiting_.size() == 1) timer_.start(kHelloTimeout, kHelloTimeout / 4);
}

void StreamServer::first_frame(std::uint64_t number, const net::Bytes& frame) {
  const auto decoded = net::decode_stream_frame(frame);
  if (const auto* error = std::get_if<net::DecodeError>(&decoded))
    return refuse(number, error->reason);
  const auto* hello = std::get_if<net::StreamHello>(&std::get<net::StreamFrame>(decoded));
  if (hello == nullptr) return refuse(number, "does not begin with a hello");
  if (hello->version != core::kProtocolVersion)
    return refuse(number, "protocol version " + std::to_string(hello->version) +
                              ", this peer speaks " + std::to_string(core::kProtocolVersion));
  // What follows must wait for its new reader.
  Waiting& waiting = waiting_.at(number);
  waiting.stream->pause();
  on_hello_(waiting.stream, *hello);
  if (waiting.stream) return refuse(number, "is not expected");
  waiting_.erase(number);
}

void StreamServer::refuse(std::uint64_t number, const std::string& why) {
  Waiting& waiting = waiting_.at(number);
  log_.limited(Level::warning, "stream of " + waiting.from,
               "stream of " + waiting.from + " refused: " + why);
  write_frame(*waiting.stream, net::StreamDone{false, why});
  waiting.stream->close();
  waiting_.erase(number);
}

void StreamServer::end_silent() {
  const std::uint64_t now_ms = uv_now(loop_);
  const auto patience_ms = static_cast<std::uint64_t>(kHelloTimeout / core::kMillisecond);
  while (!waiting_.empty() && now_ms - waiting_.begin()->second.since_ms >= patience_ms)
    refuse(waiting_.begin()->first, "said nothing");
  if (waiting_.empty()) timer_.stop();
}

}  // namespace peerd
