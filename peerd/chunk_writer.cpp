#include "peerd/chunk_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "peerd/background.h"
#include "peerd/task_files.h"
#include "peerd/unique_fd.h"

namespace peerd {
namespace {

std::string failure(const std::string& path) {
  return path + ": " + std::strerror(errno);
}

std::string write_at(const std::string& path, std::uint32_t mode, bool truncate,
                     std::uint64_t offset, const std::vector<std::uint8_t>& bytes) {
  if (!make_directories(parent_of(path))) return failure(path);
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (truncate ? O_TRUNC : 0);
  const UniqueFd file(::open(path.c_str(), flags, mode | 0600));
  if (!file) return failure(path);
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t put = ::pwrite(file.get(), bytes.data() + done, bytes.size() - done,
                                 static_cast<off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failure(path);
    done += static_cast<std::size_t>(put);
  }
  return "";
}

}  // namespace

void ChunkWriter::write(const std::string& path, std::uint32_t mode, bool truncate,
                        std::uint64_t offset, std::vector<std::uint8_t> bytes, OnDone on_done) {
  run([path, mode, truncate, offset,
       bytes = std::move(bytes)] { return write_at(path, mode, truncate, offset, bytes); },
      std::move(on_done));
}

void ChunkWriter::sync(std::vector<std::string> paths, OnDone on_done) {
  run([paths = std::move(paths)] { return sync_files(paths); }, std::move(on_done));
}

void ChunkWriter::run(std::function<std::string()> work, OnDone on_done) {
  stream_.pause();
  const auto error = std::make_shared<std::string>();
  in_background(
      loop_, lifetime_, [work = std::move(work), error] { *error = work(); },
      [this, error, on_done = std::move(on_done)] {
        stream_.resume();
        on_done(*error);
      });
}

}  // namespace peerd
