#include "peerd/file_copy.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "peerd/unique_fd.h"

namespace peerd {
namespace {

using Kind = CopyError::Kind;

std::string failure(const std::string& what, int error) {
  return what + ": " + std::strerror(error);
}

bool share_blocks(int from, int to) {
  return ::ioctl(to, FICLONE, from) == 0;
}

std::optional<CopyError> copy_bytes(int from, int to, const std::string& what,
                                    const std::string& to_path) {
  if (share_blocks(from, to)) return std::nullopt;
  while (true) {
    const ssize_t copied = ::copy_file_range(from, nullptr, to, nullptr, 1 << 20, 0);
    if (copied == 0) return std::nullopt;
    if (copied > 0) continue;
    if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
      return CopyError{failure(to_path, errno), Kind::unwritable};
    break;
  }
  std::vector<char> buffer(256 << 10);
  while (true) {
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return CopyError{failure(what, errno)};
    if (got == 0) return std::nullopt;
    for (ssize_t done = 0; done < got;) {
      const ssize_t put = ::write(to, buffer.data() + done, static_cast<std::size_t>(got - done));
      if (put < 0 && errno != EINTR) return CopyError{failure(to_path, errno), Kind::unwritable};
      if (put > 0) done += put;
    }
  }
}

// A regular file, or why not.
std::variant<UniqueFd, CopyError> open_source(const std::string& path, const TaskUser& user,
                                              struct stat& status, const std::string& what) {
  const ActingAs as_reader(user);
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file || ::fstat(file.get(), &status) != 0) return CopyError{failure(what, errno)};
  if (!S_ISREG(status.st_mode)) return CopyError{what + ": not a regular file"};
  return file;
}

CopyResult copy_file(const CopiedFile& file, const TaskUser& reader, const TaskUser& writer,
                     const std::string& what) {
  struct stat status {};
  const auto source = open_source(file.from, reader, status, what);
  if (const auto* error = std::get_if<CopyError>(&source)) return *error;
  const ActingAs as_writer(writer);
  const mode_t mode = (status.st_mode & 0777) | 0600;
  const UniqueFd target(::open(file.to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!target) return CopyError{failure(file.to, errno), Kind::unwritable};
  if (auto error = copy_bytes(std::get<UniqueFd>(source).get(), target.get(), what, file.to))
    return *error;
  // Whoever is told that it is there relies on it, whatever becomes of the power.
  if (::fdatasync(target.get()) != 0) return CopyError{failure(file.to, errno), Kind::unwritable};
  return static_cast<std::uint64_t>(status.st_size);
}

CopyResult copy_input(const CopiedFile& file, const TaskUser& user, const TaskUser& owner) {
  {
    const ActingAs as_owner(owner);
    if (!make_directories(parent_of(file.to)))
      return CopyError{failure(file.to, errno), Kind::unwritable};
  }
  return copy_file(file, user, owner, "input " + file.from);
}

CopyResult copy_output(const CopiedFile& file, const TaskUser& user, const TaskUser& owner) {
  const std::string unfinished = unfinished_name(file.to);
  const std::string what = "output " + file.to;
  CopyResult copied = copy_file({file.from, unfinished}, owner, user, what);
  const ActingAs as_user(user);
  if (std::holds_alternative<std::uint64_t>(copied) &&
      ::rename(unfinished.c_str(), file.to.c_str()) != 0)
    copied = CopyError{failure(what, errno), Kind::unwritable};
  if (auto* error = std::get_if<CopyError>(&copied)) {
    ::unlink(unfinished.c_str());
    if (!error->text.starts_with(what)) error->text = "output " + error->text;
  }
  return copied;
}

std::uint64_t size_of_all(const std::vector<CopiedFile>& files) {
  std::uint64_t total = 0;
  for (const CopiedFile& file : files) {
    struct stat status {};
    if (::stat(file.from.c_str(), &status) == 0)
      total += static_cast<std::uint64_t>(status.st_size);
  }
  return total;
}

template <typename CopyOne>
CopyResult copy_all(const std::vector<CopiedFile>& files, const char* what, std::uint64_t max_bytes,
                    const CopyOne& copy_one) {
  std::uint64_t total = 0;
  for (const CopiedFile& file : files) {
    CopyResult copied = copy_one(file);
    if (std::holds_alternative<CopyError>(copied)) return copied;
    total += std::get<std::uint64_t>(copied);
    if (total > max_bytes) return CopyError{beyond_task_bytes(what, max_bytes), Kind::too_large};
  }
  return total;
}

}  // namespace

CopyResult copy_in(const std::vector<CopiedFile>& files, const TaskUser& user,
                   const TaskUser& owner, std::uint64_t max_bytes) {
  return copy_all(files, "inputs", max_bytes,
                  [&](const CopiedFile& file) { return copy_input(file, user, owner); });
}

CopyResult copy_out(const std::vector<CopiedFile>& files, const TaskUser& user,
                    const TaskUser& owner, std::uint64_t max_bytes) {
  // All or nothing, as far as that is known before.
  if (size_of_all(files) > max_bytes)
    return CopyError{beyond_task_bytes("outputs", max_bytes), Kind::too_large};
  return copy_all(files, "outputs", max_bytes,
                  [&](const CopiedFile& file) { return copy_output(file, user, owner); });
}

std::string beyond_task_bytes(const std::string& what, std::uint64_t limit) {
  return what + " of more than " + std::to_string(limit) +
         " bytes: larger than [limits] task_bytes allows";
}

std::string unfinished_name(const std::string& path) {
  return path + ".peerd-unfinished";
}

bool make_directories(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return true;
  std::error_code error;
  std::filesystem::create_directories(path, error);
  errno = error.value();
  return !error;
}

std::string parent_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

}  // namespace peerd
