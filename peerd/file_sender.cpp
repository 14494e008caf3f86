#include "peerd/file_sender.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "net/codec.h"
#include "peerd/background.h"
#include "peerd/task_stream.h"
#include "peerd/unique_fd.h"

namespace peerd {
namespace {

constexpr std::size_t kReadBytes = 4 * net::kMaxChunkBytes;

}  // namespace

// Lives as long as a read is under way, whatever becomes of the sender.
struct FileSender::State : std::enable_shared_from_this<FileSender::State> {
  uv_loop_t* loop = nullptr;
  net::FrameStream* stream = nullptr;  // null once the sender is gone
  std::vector<FileToSend> files;
  std::function<void(const std::string&)> on_done;
  std::size_t current = 0;
  std::uint64_t offset = 0;
  UniqueFd file;
  bool reading = false;
  Lifetime lifetime;

  // What one trip to the thread pool brings back.
  struct Read {
    net::Bytes bytes;
    net::StreamFile announcement;
    bool opened = false;
    std::string error;
  };

  void proceed() {
    if (stream == nullptr || reading || stream->pending_bytes() > kMaxPendingBytes) return;
    reading = true;
    const auto result = std::make_shared<Read>();
    const auto self = shared_from_this();
    in_background(
        loop, lifetime, [self, result] { self->read(*result); }, [this, result] { send(*result); });
  }

  // On a thread of the pool: nobody else touches `file`, `current` and `offset` meanwhile.
  void read(Read& result) {
    if (current == files.size()) return;
    const FileToSend& wanted = files[current];
    if (!file) {
      file = UniqueFd(::open(wanted.path.c_str(), O_RDONLY | O_CLOEXEC));
      struct stat status {};
      if (!file || ::fstat(file.get(), &status) != 0) return fail(result, wanted.path);
      result.opened = true;
      result.announcement = {wanted.index, static_cast<std::uint32_t>(status.st_mode & 0777),
                             static_cast<std::uint64_t>(status.st_size)};
    }
    result.bytes.resize(kReadBytes);
    const ssize_t got = ::read(file.get(), result.bytes.data(), result.bytes.size());
    if (got < 0) return fail(result, wanted.path);
    result.bytes.resize(static_cast<std::size_t>(got));
  }

  static void fail(Read& result, const std::string& path) {
    result.error = path + ": " + std::strerror(errno);
  }

  void send(const Read& result) {
    reading = false;
    if (stream == nullptr) return;
    if (!result.error.empty() || current == files.size()) return finish(result.error);
    if (result.opened) write_frame(*stream, result.announcement);
    const std::uint32_t index = files[current].index;
    for (std::size_t at = 0; at < result.bytes.size(); at += net::kMaxChunkBytes) {
      const std::size_t end = std::min(at + net::kMaxChunkBytes, result.bytes.size());
      const auto first = result.bytes.begin() + static_cast<std::ptrdiff_t>(at);
      const auto last = result.bytes.begin() + static_cast<std::ptrdiff_t>(end);
      write_frame(*stream, net::StreamChunk{index, offset, {first, last}});
      offset += end - at;
    }
    if (result.bytes.empty()) {
      file = UniqueFd();
      offset = 0;
      if (++current == files.size()) return finish("");
    }
    proceed();
  }

  void finish(const std::string& error) {
    const auto done = std::exchange(on_done, nullptr);
    if (done) done(error);
  }
};

FileSender::FileSender(uv_loop_t* loop, net::FrameStream& stream, std::vector<FileToSend> files,
                       std::function<void(const std::string& error)> on_done)
    : state_(std::make_shared<State>()) {
  state_->loop = loop;
  state_->stream = &stream;
  state_->files = std::move(files);
  state_->on_done = std::move(on_done);
  state_->proceed();
}

FileSender::~FileSender() {
  state_->stream = nullptr;
  state_->on_done = nullptr;
}

void FileSender::on_drained() {
  state_->proceed();
}

}  // namespace peerd
