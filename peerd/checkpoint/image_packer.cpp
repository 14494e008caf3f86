#include "peerd/checkpoint/image_packer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "peerd/proc_files.h"

namespace peerd {
namespace {

constexpr std::uint16_t kPermissions = 0777;
constexpr int kPipeBytes = 1024 * 1024;
constexpr std::uint16_t kImageMode = 0600;

bool holds_pages(std::string_view name) {
  return name.starts_with("pages-") && name.ends_with(".img");
}

std::int64_t modified_ns(const struct stat& status) {
  return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

}  // namespace

// One zstd frame into a descriptor that may or may not block.
class ImagePacker::Compressor {
 public:
  Compressor(int out, int level)
      : out_(out), context_(ZSTD_createCCtx()), buffer_(ZSTD_CStreamOutSize()) {
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
  }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
  ~Compressor() { ZSTD_freeCCtx(context_); }

  // False with errno set.
  bool write(std::string_view bytes) { return push(bytes, ZSTD_e_continue); }
  bool end() { return push({}, ZSTD_e_end); }

  std::uint64_t in() const { return in_; }
  std::uint64_t out() const { return written_; }

 private:
  bool push(std::string_view bytes, ZSTD_EndDirective directive) {
    in_ += bytes.size();
    ZSTD_inBuffer input = {bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer output = {buffer_.data(), buffer_.size(), 0};
      const std::size_t left = ZSTD_compressStream2(context_, &output, &input, directive);
      if (ZSTD_isError(left) != 0) {
        errno = ENOMEM;  // the only thing that can happen to it
        return false;
      }
      if (!write_out(buffer_.data(), output.pos)) return false;
      const bool consumed = input.pos == input.size;
      if (consumed && (directive == ZSTD_e_continue || left == 0)) return true;
    }
  }

  bool write_out(const char* bytes, std::size_t size) {
    while (size > 0) {
      const ssize_t written = ::write(out_, bytes, size);
      if (written < 0 && errno == EAGAIN) {
        pollfd ready = {out_, POLLOUT, 0};
        ::poll(&ready, 1, -1);
        continue;
      }
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      bytes += written;
      size -= static_cast<std::size_t>(written);
      written_ += static_cast<std::uint64_t>(written);
    }
    return true;
  }

  int out_;
  ZSTD_CCtx* context_;
  std::vector<char> buffer_;
  std::uint64_t in_ = 0;
  std::uint64_t written_ = 0;
};

ImagePacker::ImagePacker(int out, int level, uid_t owner)
    : compressor_(std::make_unique<Compressor>(out, level)), owner_(owner) {
  ::fcntl(out, F_SETPIPE_SZ,
          kPipeBytes);  // fewer changes between processes; no matter if it is no pipe
  if (!compressor_->write(kArchiveMagic)) fail("sending");
}

ImagePacker::~ImagePacker() = default;

std::uint64_t ImagePacker::packed_bytes() const {
  return compressor_->out();
}

std::uint64_t ImagePacker::unpacked_bytes() const {
  return compressor_->in();
}

bool ImagePacker::send_new_pages(const std::string& images) {
  const std::uint64_t before = unpacked_bytes();
  for (const std::string& name : names_in(images)) {
    if (!holds_pages(name) || !error_.empty()) continue;
    if (pages_.count(name) > 0 || open_pages(images + "/" + name, name)) send_rest(pages_[name]);
  }
  return unpacked_bytes() > before;
}

void ImagePacker::finish(const std::string& images, const std::string& stay) {
  send_image(images);
  for (const std::string& name : names_in(stay)) send_entry(stay + "/" + name, "stay/" + name);
  ArchiveRecord record;
  record.offset = records_;
  send(record);
  if (error_.empty() && !compressor_->end()) fail("sending");
}

void ImagePacker::send_image(const std::string& images) {
  send_new_pages(images);
  for (auto& [name, growing] : pages_) end_file(growing, growing.sent, 0);
  for (const std::string& name : names_in(images)) {
    if (pages_.count(name) > 0 || !name.ends_with(".img")) continue;  // logs stay
    ArchiveRecord record;
    record.mode = kImageMode;
    send_file(images + "/" + name, "image/" + name, record);
  }
}

bool ImagePacker::open_pages(const std::string& path, const std::string& name) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return false;
  ArchiveRecord record;
  record.type = ArchiveRecord::Type::file;
  record.mode = kImageMode;
  record.file = files_++;
  pages_[name] = {std::move(fd), record.file, 0};
  send(record, "image/" + name);
  return true;
}

void ImagePacker::send_tree(const std::string& directory, const std::string& name) {
  for (const std::string& entry : names_in(directory)) {
    send_entry(directory + "/" + entry, name + "/" + entry);
    if (!error_.empty()) return;
  }
}

void ImagePacker::send_entry(const std::string& path, const std::string& name) {
  struct stat status {};
  if (!error_.empty()) return;
  if (::lstat(path.c_str(), &status) != 0) return fail(name);
  ArchiveRecord record;
  record.owned = status.st_uid == owner_;
  record.mode = static_cast<std::uint16_t>(status.st_mode & kPermissions);
  if (S_ISREG(status.st_mode)) {
    send_file(path, name, record);
  } else if (S_ISDIR(status.st_mode)) {
    record.type = ArchiveRecord::Type::directory;
    send(record, name);
    send_tree(path, name);
  } else if (S_ISLNK(status.st_mode)) {
    record.type = ArchiveRecord::Type::symlink;
    send(record, name, read_link(path));
  } else if (S_ISFIFO(status.st_mode)) {
    record.type = ArchiveRecord::Type::fifo;
    send(record, name);
  } else if (!S_ISSOCK(status.st_mode)) {
    errno = EOPNOTSUPP;
    fail(name);
  }
}

void ImagePacker::send_file(const std::string& path, const std::string& name,
                            ArchiveRecord record) {
  struct stat status {};
  Growing file;
  file.fd = UniqueFd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file.fd || ::fstat(file.fd.get(), &status) != 0) return fail(name);
  record.type = ArchiveRecord::Type::file;
  record.file = file.number = files_++;
  send(record, name);
  if (error_.empty() && !send_rest(file)) return fail(name);
  end_file(file, static_cast<std::uint64_t>(status.st_size), modified_ns(status));
}

// What lies between what has been sent and the end, without the holes.
bool ImagePacker::send_rest(Growing& growing) {
  struct stat status {};
  if (::fstat(growing.fd.get(), &status) != 0) return false;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  while (growing.sent < size && error_.empty()) {
    const off_t begin = ::lseek(growing.fd.get(), static_cast<off_t>(growing.sent), SEEK_DATA);
    if (begin < 0 && errno == ENXIO) {  // a hole up to the end
      growing.sent = size;
      break;
    }
    if (begin < 0) return false;
    const off_t hole = ::lseek(growing.fd.get(), begin, SEEK_HOLE);
    const std::uint64_t end = std::min(static_cast<std::uint64_t>(hole), size);
    if (hole < 0 || !send_range(growing, static_cast<std::uint64_t>(begin), end)) return false;
    growing.sent = end;
  }
  return error_.empty();
}

bool ImagePacker::send_range(const Growing& growing, std::uint64_t begin, std::uint64_t end) {
  std::vector<char> chunk(std::min<std::uint64_t>(kMaxPayloadBytes, end - begin));
  while (begin < end) {
    const std::size_t wanted = std::min<std::uint64_t>(chunk.size(), end - begin);
    const ssize_t got = ::pread(growing.fd.get(), chunk.data(), wanted, static_cast<off_t>(begin));
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = EIO;  // somebody has truncated it
    if (got <= 0) return false;
    ArchiveRecord record;
    record.type = ArchiveRecord::Type::data;
    record.file = growing.number;
    record.offset = begin;
    send(record, {}, {chunk.data(), static_cast<std::size_t>(got)});
    if (!error_.empty()) return false;
    begin += static_cast<std::uint64_t>(got);
  }
  return true;
}

void ImagePacker::end_file(const Growing& growing, std::uint64_t size, std::int64_t time_ns) {
  ArchiveRecord record;
  record.type = ArchiveRecord::Type::file_end;
  record.file = growing.number;
  record.offset = size;
  record.time_ns = time_ns;
  send(record);
}

void ImagePacker::send(ArchiveRecord record, std::string_view path, std::string_view payload) {
  if (!error_.empty()) return;
  if (path.size() > kMaxArchivePathBytes || payload.size() > kMaxPayloadBytes) {
    errno = ENAMETOOLONG;
    return fail(std::string(path.substr(0, 64)));
  }
  ++records_;
  record.path_bytes = static_cast<std::uint16_t>(path.size());
  record.payload_bytes = static_cast<std::uint32_t>(payload.size());
  const ArchiveHeader header = encode(record);
  const std::string_view bytes(reinterpret_cast<const char*>(header.data()), header.size());
  if (!compressor_->write(bytes) || !compressor_->write(path) || !compressor_->write(payload))
    fail("sending");
}

void ImagePacker::fail(const std::string& what) {
  if (error_.empty()) error_ = what + ": " + std::system_category().message(errno);
}

}  // namespace peerd
