#include "peerd/bundle.h"

#include <utility>

#include "net/codec.h"
#include "peerd/stop_point.h"
#include "peerd/task_stream.h"

namespace peerd {
BundleSender::BundleSender(uv_loop_t* loop, const core::Endpoint& to, const net::StreamHello& hello,
                           const net::TaskSpec& spec, const std::string& directory,
                           const std::string& stdin_path, const std::vector<std::string>& trace,
                           OnDone on_done)
    : on_done_(std::move(on_done)) {
  stream_ = net::FrameStream::connect_tcp(
      loop, to,
      {.on_frame = [this](const net::Bytes& frame) { on_frame(frame); },
       .on_closed =
           [this](const std::string& error) {
             done(error.empty() ? "the destination closed the stream" : error);
           },
       .on_drained =
           [this] {
             if (files_) files_->on_drained();
           }});
  write_frame(*stream_, hello);
  write_frame(*stream_, net::StreamSpec{spec});
  write_trace(*stream_, trace);
  std::vector<FileToSend> files;
  if (!spec.stdin_path.empty()) files.push_back({0, stdin_path});
  for (std::uint32_t i = 0; i < spec.inputs.size(); ++i)
    files.push_back({i + 1, directory + "/" + spec.inputs[i].name});
  files_ = std::make_unique<FileSender>(loop, *stream_, std::move(files),
                                        [this](const std::string& error) { files_sent(error); });
}

void BundleSender::files_sent(const std::string& error) {
  if (!error.empty()) return done(error);
  write_frame(*stream_, net::StreamEnd{});
  stop_point("sent bundle");
}

void BundleSender::on_frame(const net::Bytes& frame) {
  const auto decoded = net::decode_stream_frame(frame);
  const auto* answer = std::get_if<net::StreamFrame>(&decoded);
  const auto* reply = answer == nullptr ? nullptr : std::get_if<net::StreamDone>(answer);
  if (reply == nullptr) return done("the destination answers nonsense");
  done(reply->ok ? "" : reply->error);
}

void BundleSender::done(const std::string& error) {
  files_.reset();
  // Last: the callback may destroy this object.
  const auto callback = std::exchange(on_done_, nullptr);
  if (callback) callback(error);
}

BundleReceiver::BundleReceiver(uv_loop_t* loop, std::unique_ptr<net::FrameStream> stream,
                               const std::string& directory, const std::string& stdin_path,
                               std::uint64_t max_bytes, OnDone on_done)
    : on_done_(std::move(on_done)),
      directory_(directory),
      stdin_path_(stdin_path),
      max_bytes_(max_bytes),
      stream_(std::move(stream)),
      writer_(loop, *stream_) {
  stream_->set_callbacks({.on_frame = [this](const net::Bytes& frame) { on_frame(frame); },
                          .on_closed =
                              [this](const std::string& error) {
                                finish(error.empty() ? "the source closed the stream" : error);
                              },
                          .on_drained = nullptr});
  stream_->resume();
}

void BundleReceiver::on_frame(const net::Bytes& bytes) {
  auto decoded = net::decode_stream_frame(bytes);
  if (auto* error = std::get_if<net::DecodeError>(&decoded)) return fail(error->reason);
  std::visit([this](auto&& frame) { on(std::move(frame)); },
             std::move(std::get<net::StreamFrame>(decoded)));
}

void BundleReceiver::on(const net::StreamSpec& frame) {
  if (has_spec_) return fail("a second spec");
  has_spec_ = true;
  arrival_.spec = frame.spec;
}

std::optional<std::string> BundleReceiver::path_of(std::uint32_t index) const {
  if (!has_spec_) return std::nullopt;
  if (index == 0 && !arrival_.spec.stdin_path.empty()) return stdin_path_;
  if (index == 0 || index > arrival_.spec.inputs.size()) return std::nullopt;
  return directory_ + "/" + arrival_.spec.inputs[index - 1].name;
}

void BundleReceiver::on(const net::StreamFile& frame) {
  const auto path = path_of(frame.index);
  if (!path || files_.contains(frame.index)) return fail("a file that the spec does not name");
  if (frame.size > max_bytes_ - announced_bytes_) return fail("more bytes than were offered");
  announced_bytes_ += frame.size;
  files_[frame.index] = {*path, frame.size, 0};
  writer_.write(*path, frame.mode & 0777, true, 0, {}, [this](const std::string& error) {
    if (!error.empty()) fail(error);
  });
}

void BundleReceiver::on(net::StreamChunk frame) {
  const auto found = files_.find(frame.index);
  if (found == files_.end()) return fail("a chunk of an unknown file");
  File& file = found->second;
  if (frame.offset != file.received || frame.bytes.size() > file.size - file.received)
    return fail("a chunk that does not fit its file");
  file.received += frame.bytes.size();
  writer_.write(file.path, 0600, false, frame.offset, std::move(frame.bytes),
                [this](const std::string& error) {
                  if (!error.empty()) fail(error);
                });
}

void BundleReceiver::on(const net::StreamTrace& frame) {
  keep_trace(arrival_.trace, frame);
}

void BundleReceiver::on(const net::StreamEnd&) {
  std::vector<std::string> paths;
  for (const auto& [index, file] : files_) {
    if (file.received != file.size) return fail(file.path + ": incomplete");
    paths.push_back(file.path);
  }
  const std::size_t expected =
      arrival_.spec.inputs.size() + (arrival_.spec.stdin_path.empty() ? 0 : 1);
  if (!has_spec_ || files_.size() != expected) return fail("files are missing");
  if (!paths.empty()) paths.push_back(directory_);
  writer_.sync(std::move(paths), [this](const std::string& error) {
    if (!error.empty()) return fail(error);
    write_frame(*stream_, net::StreamDone{true, ""});
    finish("");
  });
}

void BundleReceiver::fail(const std::string& error) {
  write_frame(*stream_, net::StreamDone{false, cut_error(error)});
  finish(error);
}

void BundleReceiver::finish(const std::string& error) {
  stream_->close();
  const auto callback = std::exchange(on_done_, nullptr);
  if (!callback) return;
  arrival_.error = error;
  // Last: the callback may destroy this object.
  callback(std::move(arrival_));
}

}  // namespace peerd
