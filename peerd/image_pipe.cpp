#include "peerd/image_pipe.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "net/stream_frame.h"

namespace peerd {
namespace {

constexpr int kPipeBytes = 1 << 20;

}  // namespace

struct ImagePipe::State {
  uv_pipe_t pipe{};
  uv_write_t request{};
  Callbacks callbacks;
  std::vector<std::uint8_t> writing;
  std::array<char, net::kMaxImageBytes> buffer{};
  bool closing = false;
  bool at_end = false;

  void start_reading() {
    uv_read_start(
        reinterpret_cast<uv_stream_t*>(&pipe),
        [](uv_handle_t* handle, std::size_t, uv_buf_t* out) {
          State* const self = static_cast<State*>(handle->data);
          *out = uv_buf_init(self->buffer.data(), static_cast<unsigned>(self->buffer.size()));
        },
        [](uv_stream_t* stream, ssize_t size, const uv_buf_t* in) {
          static_cast<State*>(stream->data)->received(size, in->base);
        });
  }

  // The callbacks may destroy the owner, and so themselves.
  void received(ssize_t size, const char* bytes) {
    const Callbacks kept = callbacks;
    if (size > 0)
      return kept.on_bytes(
          {reinterpret_cast<const std::uint8_t*>(bytes), static_cast<std::size_t>(size)});
    if (size == 0) return;
    uv_read_stop(reinterpret_cast<uv_stream_t*>(&pipe));
    at_end = true;
    kept.on_end();
  }

  void write(std::size_t size) {
    uv_buf_t out = uv_buf_init(reinterpret_cast<char*>(writing.data() + writing.size() - size),
                               static_cast<unsigned>(size));
    request.data = this;
    uv_write(&request, reinterpret_cast<uv_stream_t*>(&pipe), &out, 1,
             [](uv_write_t* written_request, int) {
               State* const self = static_cast<State*>(written_request->data);
               if (self->closing) return;
               const auto written = self->callbacks.on_written;
               written();
             });
  }

  void close() {
    if (std::exchange(closing, true)) return;
    uv_close(reinterpret_cast<uv_handle_t*>(&pipe),
             [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
  }
};

ImagePipe::ImagePipe(uv_loop_t* loop, const std::string& path, Direction direction,
                     Callbacks callbacks)
    : path_(path) {
  ::unlink(path.c_str());
  const bool reads = direction == Direction::from_executor;
  UniqueFd reader, writer;
  if (::mkfifo(path.c_str(), 0600) == 0)
    reader = UniqueFd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (reader) writer = UniqueFd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!writer) {
    error_ = path + ": " + std::strerror(errno);
    return;
  }
  ::fcntl(reader.get(), F_SETPIPE_SZ, kPipeBytes);  // fewer turns; no matter if it is refused
  state_ = new State;
  state_->callbacks = std::move(callbacks);
  uv_pipe_init(loop, &state_->pipe, 0);
  state_->pipe.data = state_;
  const int own = ::fcntl(reads ? reader.get() : writer.get(), F_DUPFD_CLOEXEC, 3);
  uv_pipe_open(&state_->pipe, own);
  other_end_ = std::move(reads ? writer : reader);
  if (reads) state_->start_reading();
}

ImagePipe::~ImagePipe() {
  ::unlink(path_.c_str());
  if (state_ != nullptr) state_->close();
}

void ImagePipe::pause() {
  uv_read_stop(reinterpret_cast<uv_stream_t*>(&state_->pipe));
}

void ImagePipe::resume() {
  if (!state_->at_end) state_->start_reading();
}

void ImagePipe::write_end_of(std::vector<std::uint8_t> bytes, std::size_t size) {
  state_->writing = std::move(bytes);
  state_->write(size);
}

void ImagePipe::finish() {
  const bool reads = state_->callbacks.on_bytes != nullptr;
  other_end_ = UniqueFd();
  if (!reads) std::exchange(state_, nullptr)->close();
}

}  // namespace peerd
