#include "peerd/checkpoint/image_packer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

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

ImagePacker::ImagePacker(int out, uid_t owner, EffortChoice choose)
    : out_(out, std::move(choose)), owner_(owner) {
  ::fcntl(out, F_SETPIPE_SZ,
          kPipeBytes);  // fewer changes between processes; no matter if it is no pipe
  if (!out_.begin()) fail("sending");
}

bool ImagePacker::send_new_pages(const std::string& images) {
  const std::uint64_t before = records_;
  for (const std::string& name : names_in(images)) {
    if (!holds_pages(name) || !error_.empty()) continue;
    if (pages_.count(name) > 0 || open_pages(images + "/" + name, name)) send_rest(pages_[name]);
  }
  if (error_.empty() && !out_.flush()) fail("sending");
  return records_ > before;
}

void ImagePacker::finish(const std::string& images, const std::string& stay) {
  send_image(images);
  for (const std::string& name : names_in(stay)) send_entry(stay + "/" + name, "stay/" + name);
  ArchiveRecord record;
  record.offset = records_;
  send(record);
  if (error_.empty() && !out_.flush()) fail("sending");
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
  ArchiveRecord record;
  record.type = ArchiveRecord::Type::data;
  record.file = growing.number;
  for (; begin < end; begin += record.payload_bytes) {
    record.offset = begin;
    record.payload_bytes =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(kMaxPayloadBytes, end - begin));
    ++records_;
    if (!out_.put_from(growing.fd.get(), record)) fail("sending");
    if (!error_.empty()) return false;
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
  if (!out_.put(record, path, payload)) fail("sending");
}

void ImagePacker::fail(const std::string& what) {
  if (error_.empty()) error_ = what + ": " + std::system_category().message(errno);
}

}  // namespace peerd
