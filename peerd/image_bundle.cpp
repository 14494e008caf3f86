#include "peerd/image_bundle.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <variant>

#include "net/codec.h"
#include "peerd/checkpoint/board.h"
#include "peerd/checkpoint/needed_files.h"
#include "peerd/clock.h"
#include "peerd/file_sender.h"
#include "peerd/stop_point.h"
#include "peerd/task_stream.h"

namespace peerd {
namespace {

// Why a task cannot go on here; empty if it can.
std::string obstacle(const net::StreamNeeds& needs) {
  const auto board = board_from(needs.board);
  const auto files = needed_files_from(needs.files);
  if (!board || !files) return "what the task needs is not understood here";
  const std::string mismatch = cannot_go_on(*board, this_board());
  return mismatch.empty() ? missing_here(*files) : mismatch;
}

}  // namespace

// --- Sending

ImageSender::ImageSender(uv_loop_t* loop, ExecutorClient& executor, const ExecutorClient::Key& stay,
                         const std::string& fifo, const core::Endpoint& to,
                         const net::StreamHello& hello, const net::TaskSpec& spec,
                         const std::vector<std::string>& trace, Pacer& pacer, OnDone on_done)
    : loop_(loop),
      executor_(executor),
      stay_(stay),
      fifo_(fifo),
      to_(to),
      hello_(hello),
      spec_(spec),
      trace_(trace),
      pacer_(pacer),
      pause_(loop,
             [this] {
               paused_ = false;
               go_on_reading();
             }),
      on_done_(std::move(on_done)) {
  executor_.inspect(stay, true, [this](const auto& found) { inspected(found); });
}

ImageSender::~ImageSender() {
  executor_.forget_answers(stay_);
}

void ImageSender::inspected(const net::executor::Inspected& found) {
  if (!found.obstacle.empty()) return done(found.obstacle, true);
  connect(found.files);
}

void ImageSender::connect(const std::string& files) {
  stream_ = net::FrameStream::connect_tcp(
      loop_, to_,
      {.on_frame = [this](const net::Bytes& frame) { on_frame(frame); },
       .on_closed =
           [this](const std::string& error) {
             done(error.empty() ? "the destination closed the stream" : error);
           },
       .on_drained = [this] { drained(); }});
  write_frame(*stream_, hello_);
  write_frame(*stream_, net::StreamSpec{spec_});
  write_trace(*stream_, trace_);
  write_frame(*stream_, net::StreamNeeds{to_text(this_board()), files});
}

void ImageSender::on_frame(const net::Bytes& frame) {
  const auto decoded = net::decode_stream_frame(frame);
  const auto* answer = std::get_if<net::StreamFrame>(&decoded);
  if (answer == nullptr) return done("the destination answers nonsense");
  if (const auto* ready = std::get_if<net::StreamReady>(answer); ready != nullptr && !pipe_)
    return ready->ok ? freeze() : done(ready->error);
  const auto* reply = std::get_if<net::StreamDone>(answer);
  if (reply == nullptr) return done("the destination answers nonsense");
  done(reply->ok ? "" : reply->error);
}

void ImageSender::freeze() {
  pipe_ = std::make_unique<ImagePipe>(
      loop_, fifo_, ImagePipe::Direction::from_executor,
      ImagePipe::Callbacks{
          .on_bytes = [this](std::span<const std::uint8_t> bytes) { send_image(bytes); },
          .on_end = [this] { image_sent(); },
          .on_written = nullptr});
  if (!pipe_->error().empty()) return done(pipe_->error());
  executor_.dump(stay_, fifo_, [this](const auto& moved) { frozen(moved); });
}

void ImageSender::send_image(std::span<const std::uint8_t> bytes) {
  const core::Duration pause = pacer_.sent(bytes.size(), monotonic_now());
  stream_->write(net::encode_image(bytes));
  paused_ = pause > 0;
  if (paused_) pause_.start(pause);
  if (paused_ || stream_->pending_bytes() > FileSender::kMaxPendingBytes) pipe_->pause();
}

void ImageSender::drained() {
  if (!paused_) go_on_reading();
}

void ImageSender::go_on_reading() {
  if (pipe_ && pipe_->error().empty()) pipe_->resume();
}

void ImageSender::frozen(const net::executor::Moved& moved) {
  result_.dump = moved;
  if (!moved.done) return done(moved.message, moved.lasting);
  stop_point("dumped");
  pipe_->finish();
}

void ImageSender::image_sent() {
  write_frame(*stream_, net::StreamFrozen{result_.dump.criu_us, result_.dump.bytes,
                                          result_.dump.packed_bytes});
  write_frame(*stream_, net::StreamEnd{});
  stop_point("sent image");
}

void ImageSender::done(const std::string& error, bool immovable) {
  pipe_.reset();
  result_.error = error;
  result_.immovable = immovable;
  // Last: the callback may destroy this object.
  const auto callback = std::exchange(on_done_, nullptr);
  if (callback) callback(Result(result_));
}

// --- Receiving

ImageReceiver::ImageReceiver(uv_loop_t* loop, ExecutorClient& executor,
                             const ExecutorClient::Key& stay,
                             std::unique_ptr<net::FrameStream> stream, net::executor::Restore place,
                             UserOf user_of, OnDone on_done)
    : loop_(loop),
      executor_(executor),
      stay_(stay),
      place_(std::move(place)),
      user_of_(std::move(user_of)),
      on_done_(std::move(on_done)),
      stream_(std::move(stream)) {
  stream_->set_callbacks({.on_frame = [this](net::Bytes frame) { on_frame(std::move(frame)); },
                          .on_closed =
                              [this](const std::string& error) {
                                finish(!failure_.empty() ? failure_
                                       : error.empty()   ? "the source closed the stream"
                                                         : error);
                              },
                          .on_drained = nullptr});
  stream_->resume();
}

ImageReceiver::~ImageReceiver() {
  executor_.forget_answers(stay_);
}

void ImageReceiver::on_frame(net::Bytes bytes) {
  if (!failure_.empty()) return;
  if (const auto image = net::image_in(bytes)) {
    const std::size_t size = image->size();
    return receive_image(std::move(bytes), size);
  }
  auto decoded = net::decode_stream_frame(bytes);
  if (auto* error = std::get_if<net::DecodeError>(&decoded)) return fail(error->reason);
  std::visit([this](auto&& frame) { on(std::move(frame)); },
             std::move(std::get<net::StreamFrame>(decoded)));
}

void ImageReceiver::on(net::StreamSpec frame) {
  if (has_spec_) return fail("a second spec");
  has_spec_ = true;
  arrival_.spec = std::move(frame.spec);
}

void ImageReceiver::on(const net::StreamTrace& frame) {
  keep_trace(arrival_.trace, frame);
}

void ImageReceiver::on(const net::StreamNeeds& frame) {
  if (!has_spec_ || pipe_) return fail("needs out of place");
  const std::string why = obstacle(frame);
  if (why.empty()) return begin();
  write_frame(*stream_, net::StreamReady{false, cut_error(why)});
  fail_when_heard(why);
}

void ImageReceiver::begin() {
  const std::string& directory = place_.directory;
  if (::mkdir(directory.c_str(), 0755) != 0) return fail(directory + ": " + std::strerror(errno));
  pipe_ = std::make_unique<ImagePipe>(
      loop_, place_.fifo, ImagePipe::Direction::to_executor,
      ImagePipe::Callbacks{
          .on_bytes = nullptr, .on_end = nullptr, .on_written = [this] { stream_->resume(); }});
  if (!pipe_->error().empty()) return fail(pipe_->error());
  place_.user = user_of_(arrival_.spec);
  place_.cpu_limit_s = arrival_.spec.cpu_limit_s;
  place_.memory_limit_bytes = arrival_.spec.memory_limit_bytes;
  executor_.restore(stay_, place_, [this](const auto& moved) { restored(moved); });
  arrival_.begun = monotonic_now();
  write_frame(*stream_, net::StreamReady{true, ""});
}

// These are the frame's last bytes.
void ImageReceiver::receive_image(net::Bytes frame, std::size_t size) {
  if (!pipe_ || !pipe_->open()) return fail("an image that was not asked for");
  stream_->pause();
  pipe_->write_end_of(std::move(frame), size);
}

void ImageReceiver::on(const net::StreamEnd&) {
  if (!pipe_ || !pipe_->open()) return fail("an image that was not asked for");
  stop_point("received image");
  pipe_->finish();
  take_over();
}

void ImageReceiver::restored(const net::executor::Moved& moved) {
  arrival_.restore = moved;
  if (!moved.done) return fail(moved.message);
  stop_point("restored");
  restored_ = true;
  take_over();
}

// Not before the source has said that its dump is done: it may still fail, and hears of its own
// executor's end of it later than of ours.
void ImageReceiver::take_over() {
  if (!restored_ || pipe_->open()) return;
  write_frame(*stream_, net::StreamDone{true, ""});
  finish("");
}

void ImageReceiver::fail(const std::string& error) {
  write_frame(*stream_, net::StreamDone{false, cut_error(error)});
  fail_when_heard(error);
}

// An Abort must not overtake the reason: the source closes the stream when it has read it.
void ImageReceiver::fail_when_heard(const std::string& error) {
  failure_ = error;
  pipe_.reset();
  executor_.forget_answers(stay_);
  stream_->resume();
}

void ImageReceiver::finish(const std::string& error) {
  stream_->close();
  pipe_.reset();
  const auto callback = std::exchange(on_done_, nullptr);
  if (!callback) return;
  arrival_.error = error;
  // Last: the callback may destroy this object.
  callback(std::move(arrival_));
}

}  // namespace peerd
