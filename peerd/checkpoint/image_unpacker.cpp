#include "peerd/checkpoint/image_unpacker.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

namespace peerd {
namespace {

constexpr std::uint64_t kEntryBytes = 4096;
constexpr std::size_t kMaxOpenFiles = 1024;
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 62;
constexpr std::int64_t kSecond = 1'000'000'000;

UniqueFd open_directory(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

// Below `root`, through no symbolic link.
UniqueFd open_below(int root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
}

bool write_at(int fd, std::string_view bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return true;
}

}  // namespace

ImageUnpacker::ImageUnpacker(const std::string& images, const std::string& stay,
                             const TaskUser& user, const Limits& limits)
    : images_(open_directory(images)), stay_(open_directory(stay)), user_(user), limits_(limits) {
  if (!images_) fail(images + " cannot be opened");
  if (!stay_) fail(stay + " cannot be opened");
}

bool ImageUnpacker::feed(std::string_view packed) {
  while (error_.empty() && !packed.empty()) {
    if (ended_) {
      fail("the checkpoint goes on after its end");
      break;
    }
    const std::span<char> wanted = in_.wanted();
    const std::size_t size = std::min(wanted.size(), packed.size());
    std::copy_n(packed.begin(), size, wanted.begin());
    packed.remove_prefix(size);
    filled(size);
  }
  return error_.empty();
}

bool ImageUnpacker::feed_from(int in) {
  while (error_.empty() && !ended_) {
    const std::span<char> wanted = in_.wanted();
    const ssize_t got = ::read(in, wanted.data(), wanted.size());
    if (got < 0 && errno == EAGAIN) {
      pollfd ready = {in, POLLIN, 0};
      ::poll(&ready, 1, -1);
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_with_errno("receiving");
    if (got == 0) fail("the checkpoint broke off");
    if (got > 0) filled(static_cast<std::size_t>(got));
  }
  return complete();
}

void ImageUnpacker::filled(std::size_t bytes) {
  const std::optional<std::string_view> records = in_.filled(bytes);
  if (!in_.error().empty()) fail(in_.error());
  if (records) parse(*records);
}

void ImageUnpacker::parse(std::string_view records) {
  while (error_.empty() && !records.empty()) {
    ArchiveHeader header{};
    std::optional<ArchiveRecord> record;
    if (records.size() >= header.size()) {
      std::copy_n(records.begin(), header.size(), header.begin());
      record = decode(header);
      records.remove_prefix(header.size());
    }
    if (!record || ended_ || records.size() < record->path_bytes + record->payload_bytes)
      return fail("a damaged checkpoint: no record");
    const std::string path(records.substr(0, record->path_bytes));
    handle(*record, path, records.substr(path.size(), record->payload_bytes));
    records.remove_prefix(path.size() + record->payload_bytes);
  }
}

void ImageUnpacker::handle(const ArchiveRecord& record, const std::string& path,
                           std::string_view payload) {
  switch (record.type) {
    case ArchiveRecord::Type::directory:
    case ArchiveRecord::Type::fifo:
    case ArchiveRecord::Type::symlink:
    case ArchiveRecord::Type::file:
      make(record, path, payload);
      break;
    case ArchiveRecord::Type::data:
      write_data(record, payload);
      break;
    case ArchiveRecord::Type::file_end:
      end_file(record);
      break;
    case ArchiveRecord::Type::end:
      if (record.offset != records_ || !open_.empty()) fail("an incomplete checkpoint");
      ended_ = true;
      break;
  }
  ++records_;
}

void ImageUnpacker::make(const ArchiveRecord& record, const std::string& path,
                         std::string_view payload) {
  if (!is_plain_path(path)) return fail("a file's name that is none");
  if (++entries_ > limits_.entries) return fail("more files than allowed");
  if (!count(kEntryBytes)) return;
  const std::size_t first = path.find('/');
  const std::string_view top = std::string_view(path).substr(0, first);
  if (first == std::string::npos || (top != "image" && top != "stay"))
    return fail("a file outside the checkpoint");
  const std::string below = path.substr(first + 1);
  const std::size_t last = below.rfind('/');
  if (top == "image" && (last != std::string::npos || record.type != ArchiveRecord::Type::file))
    return fail("an image that is not only files");
  const UniqueFd& root = top == "image" ? images_ : stay_;
  const UniqueFd parent =
      open_below(root.get(), last == std::string::npos ? "." : below.substr(0, last));
  const std::string name = last == std::string::npos ? below : below.substr(last + 1);
  if (!parent || !make_entry(record, parent.get(), name, std::string(payload), path))
    fail_with_errno(path);
}

bool ImageUnpacker::make_entry(const ArchiveRecord& record, int parent, const std::string& name,
                               const std::string& target, const std::string& path) {
  const bool is_link = record.type == ArchiveRecord::Type::symlink;
  if (record.type == ArchiveRecord::Type::file) {
    open_file(record, parent, name, path);
    return true;  // has its own errors
  }
  if (is_link && (target.empty() || target.find('\0') != std::string::npos)) {
    errno = EINVAL;
    return false;
  }
  const int made = is_link ? ::symlinkat(target.c_str(), parent, name.c_str())
                   : record.type == ArchiveRecord::Type::fifo
                       ? ::mkfifoat(parent, name.c_str(), 0600)
                       : ::mkdirat(parent, name.c_str(), 0700);
  if (made != 0) return false;
  const uid_t uid = record.owned ? user_.uid : ::geteuid();
  const gid_t gid = record.owned ? user_.gid : ::getegid();
  if (::fchownat(parent, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0) return false;
  // Nobody else can have put a link in its place: the directories are not open to others yet.
  return is_link || ::fchmodat(parent, name.c_str(), record.mode, 0) == 0;
}

void ImageUnpacker::open_file(const ArchiveRecord& record, int parent, const std::string& name,
                              const std::string& path) {
  if (record.file != files_ || open_.size() >= kMaxOpenFiles)
    return fail("a damaged checkpoint: files out of order");
  ++files_;
  UniqueFd file(
      ::openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file ||
      ::fchown(file.get(), record.owned ? user_.uid : ::geteuid(),
               record.owned ? user_.gid : ::getegid()) ||
      ::fchmod(file.get(), record.mode) != 0)
    return fail_with_errno(path);
  open_[record.file] = {std::move(file), 0};
}

void ImageUnpacker::write_data(const ArchiveRecord& record, std::string_view payload) {
  const auto found = open_.find(record.file);
  if (found == open_.end() || record.offset > kMaxFileBytes)
    return fail("a damaged checkpoint: data of no file");
  Open& file = found->second;
  const std::uint64_t end = record.offset + payload.size();
  if (end > file.size) {
    if (!count(end - file.size)) return;
    file.size = end;
  }
  if (!write_at(file.fd.get(), payload, record.offset)) fail_with_errno("writing");
}

void ImageUnpacker::end_file(const ArchiveRecord& record) {
  const auto found = open_.find(record.file);
  if (found == open_.end() || record.offset < found->second.size || record.offset > kMaxFileBytes)
    return fail("a damaged checkpoint: the end of no file");
  const Open file = std::move(found->second);
  open_.erase(found);
  if (!count(record.offset - file.size)) return;
  if (::ftruncate(file.fd.get(), static_cast<off_t>(record.offset)) != 0)
    return fail_with_errno("writing");
  if (record.time_ns <= 0) return;
  const timespec time = {record.time_ns / kSecond, record.time_ns % kSecond};
  const timespec times[2] = {time, time};
  ::futimens(file.fd.get(), times);
}

bool ImageUnpacker::count(std::uint64_t bytes) {
  if (bytes > limits_.bytes - bytes_) {
    fail("more than the " + std::to_string(limits_.bytes >> 20) + " MiB that are allowed");
    return false;
  }
  bytes_ += bytes;
  return true;
}

void ImageUnpacker::fail(const std::string& what) {
  if (error_.empty()) error_ = what;
}

void ImageUnpacker::fail_with_errno(const std::string& what) {
  fail(what + ": " + std::system_category().message(errno));
}

}  // namespace peerd
