#include <unistd.h>

#include <utility>

#include "net/codec.h"
#include "peerd/results.h"
#include "peerd/task_files.h"
#include "peerd/task_stream.h"

namespace peerd {
namespace {

constexpr std::uint32_t kFirstOutput = 2;

}  // namespace

ResultsReceiver::ResultsReceiver(uv_loop_t* loop, std::unique_ptr<net::FrameStream> stream,
                                 Target target, OnTrace on_trace, OnFailure on_failure, Place place,
                                 OnDone on_done)
    : target_(std::move(target)),
      on_trace_(std::move(on_trace)),
      on_failure_(std::move(on_failure)),
      place_(std::move(place)),
      on_done_(std::move(on_done)),
      outputs_(target_.outputs.size()),
      stream_(std::move(stream)),
      writer_(loop, *stream_) {
  have_[0] = size_of(target_.stdout_path);
  have_[1] = size_of(target_.stderr_path);
  stream_->set_callbacks({.on_frame = [this](const net::Bytes& frame) { on_frame(frame); },
                          .on_closed =
                              [this](const std::string& error) {
                                finish(error.empty() ? "the owner closed the stream" : error);
                              },
                          .on_drained = nullptr});
  stream_->resume();
}

ResultsReceiver::~ResultsReceiver() {
  drop_outputs();
}

void ResultsReceiver::on_frame(const net::Bytes& bytes) {
  auto decoded = net::decode_stream_frame(bytes);
  if (auto* error = std::get_if<net::DecodeError>(&decoded)) return finish(error->reason);
  std::visit([this](auto&& frame) { on(std::move(frame)); },
             std::move(std::get<net::StreamFrame>(decoded)));
}

void ResultsReceiver::on(const net::StreamFile& frame) {
  if (!target_.wanted) return;
  if (frame.index < kFirstOutput || frame.index - kFirstOutput >= outputs_.size())
    return finish("an output that the task did not declare");
  output_bytes_ += frame.size;
  if (output_bytes_ > target_.max_task_bytes)
    return failed(beyond_task_bytes("outputs", target_.max_task_bytes));
  const std::size_t at = frame.index - kFirstOutput;
  outputs_[at] = {true, frame.size, 0};
  store(target_.arriving[at], frame.mode & 0777, true, 0, {}, "output " + target_.outputs[at].path);
}

void ResultsReceiver::on(net::StreamChunk frame) {
  if (!target_.wanted) return;
  if (frame.index < kFirstOutput) return append(frame.index, std::move(frame));
  const std::size_t at = frame.index - kFirstOutput;
  if (at >= outputs_.size()) return finish("a chunk of an unknown output");
  Output& output = outputs_[at];
  if (!arrival_.failure.empty()) return;
  if (frame.offset != output.received || frame.bytes.size() > output.size - output.received)
    return finish("a chunk that does not fit its output");
  output.received += frame.bytes.size();
  store(target_.arriving[at], 0600, false, frame.offset, std::move(frame.bytes),
        "output " + target_.outputs[at].path);
}

// stdout and stderr: what an earlier stream brought is skipped, a gap is an error.
void ResultsReceiver::append(std::uint32_t index, net::StreamChunk frame) {
  if (!arrival_.failure.empty()) return;
  std::uint64_t& have = have_[index];
  const std::uint64_t end = frame.offset + frame.bytes.size();
  if (frame.offset > have) return finish("a gap in the task's output");
  if (end <= have) return;
  if (end > target_.max_output_bytes) return failed(beyond_output_bytes(target_.max_output_bytes));
  const auto known = static_cast<std::ptrdiff_t>(have - frame.offset);
  frame.bytes.erase(frame.bytes.begin(), frame.bytes.begin() + known);
  const std::uint64_t offset = std::exchange(have, end);
  const std::string& path = index == 0 ? target_.stdout_path : target_.stderr_path;
  store(path, 0600, false, offset, std::move(frame.bytes), index == 0 ? "stdout" : "stderr");
}

void ResultsReceiver::store(const std::string& path, std::uint32_t mode, bool truncate,
                            std::uint64_t offset, std::vector<std::uint8_t> bytes,
                            const std::string& what) {
  writer_.write(path, mode, truncate, offset, std::move(bytes), [this, what](const auto& error) {
    if (!error.empty()) failed(what + " cannot be stored: " + error);
  });
}

void ResultsReceiver::on(const net::StreamTrace& frame) {
  on_trace_(frame.lines);
}

void ResultsReceiver::on(const net::StreamEnding& frame) {
  arrival_.ending = frame;
}

// The owner throws away what it has once this peer says that it is here: it must be on disk by
// then.
void ResultsReceiver::on(const net::StreamEnd&) {
  std::vector<std::string> paths;
  if (target_.wanted && arrival_.failure.empty()) {
    if (have_[0] > 0) paths.push_back(target_.stdout_path);
    if (have_[1] > 0) paths.push_back(target_.stderr_path);
  }
  // Also waits for what is still being written.
  writer_.sync(std::move(paths), [this](const std::string& error) {
    if (!error.empty()) failed("results cannot be stored: " + error);
    place_outputs();
  });
}

void ResultsReceiver::place_outputs() {
  std::vector<CopiedFile> files;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const Output& output = outputs_[i];
    if (output.comes) files.push_back({target_.arriving[i], target_.outputs[i].path});
    if (output.comes && output.received != output.size)
      failed("output " + target_.outputs[i].path + ": incomplete");
  }
  if (files.empty() || !target_.wanted || !arrival_.failure.empty()) return complete();
  place_(files, lifetime_.guard([this](const std::string& error) {
    if (!error.empty()) failed(error);
    complete();
  }));
}

void ResultsReceiver::complete() {
  answer();
  finish("");
}

void ResultsReceiver::answer() {
  write_frame(*stream_, net::StreamDone{true, cut_error(arrival_.failure)});
}

void ResultsReceiver::drop_outputs() const {
  for (std::size_t i = 0; i < outputs_.size(); ++i)
    if (outputs_[i].comes) ::unlink(target_.arriving[i].c_str());
}

// The first failure is remembered, and told at once: a task that still runs does so for nothing.
// The rest of the stream is read and dropped.
void ResultsReceiver::failed(const std::string& failure) {
  if (!arrival_.failure.empty()) return;
  arrival_.failure = failure;
  on_failure_(failure);
  answer();
}

void ResultsReceiver::finish(const std::string& error) {
  stream_->close();
  const auto callback = std::exchange(on_done_, nullptr);
  if (!callback) return;
  arrival_.error = error;
  // Last: the callback may destroy this object.
  callback(arrival_);
}

}  // namespace peerd
