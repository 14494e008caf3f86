#include "peerd/ctl/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

namespace fs = std::filesystem;

namespace peerctl {

std::string absolute(const std::string& path, const std::string& cwd) {
  return (fs::path(cwd) / path).lexically_normal().string();
}

namespace {

Problem usage(std::string message) {
  return {kExitUsage, std::move(message)};
}

bool stays_below(const fs::path& normal) {
  return normal.is_relative() && normal.has_filename() && normal != "." && *normal.begin() != "..";
}

// Relative paths keep their place, others are called by their last part.
std::string name_for(const std::string& path) {
  const fs::path normal = fs::path(path).lexically_normal();
  return stays_below(normal) ? normal.string() : normal.filename().string();
}

Result<net::FileSpec> make_file(const char* option, const std::string& text,
                                const std::string& path, const std::string& name,
                                const std::string& cwd) {
  if (path.empty() || path.back() == '/') {
    return usage(fmt::format("{} {}: a file is needed", option, text));
  }
  const fs::path normal = fs::path(name).lexically_normal();
  if (name.empty() || !stays_below(normal)) {
    return usage(
        fmt::format("{} {}: \"{}\" is no name in the task's directory (relative, "
                    "without \"..\")",
                    option, text, name));
  }
  return net::FileSpec{normal.string(), absolute(path, cwd)};
}

}  // namespace

Result<net::FileSpec> parse_input(const std::string& text, const std::string& cwd) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos) return make_file("--input", text, text, name_for(text), cwd);
  return make_file("--input", text, text.substr(0, equals), text.substr(equals + 1), cwd);
}

Result<net::FileSpec> parse_output(const std::string& text, const std::string& cwd) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) return make_file("--output", text, text, name_for(text), cwd);
  return make_file("--output", text, text.substr(equals + 1), text.substr(0, equals), cwd);
}

namespace {

std::optional<std::string> why_unreadable(const std::string& path) {
  // Not blocking: a FIFO without a writer would keep us.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::strerror(errno);
  struct stat status {};
  const int result = ::fstat(fd, &status);
  ::close(fd);
  if (result != 0) return std::strerror(errno);
  if (S_ISDIR(status.st_mode)) return "it is a directory; name its files one by one";
  if (!S_ISREG(status.st_mode)) return "it is not a plain file";
  return std::nullopt;
}

std::optional<std::string> why_unwritable(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return "it is a directory";
    if (!S_ISREG(status.st_mode)) return "it is not a plain file";
  }
  const std::string directory = path.parent_path().string();
  if (::access(directory.c_str(), W_OK | X_OK) == 0) return std::nullopt;
  return fmt::format("directory {}: {}", directory, std::strerror(errno));
}

}  // namespace

std::optional<Problem> check_files(const net::TaskSpec& spec) {
  const auto unreadable = [](const char* option, const std::string& path) {
    const std::optional<std::string> why = why_unreadable(path);
    return why ? std::optional(Problem{kExitNoInput, fmt::format("{} {}: {}", option, path, *why)})
               : std::nullopt;
  };
  for (const net::FileSpec& input : spec.inputs) {
    if (auto problem = unreadable("--input", input.path)) return problem;
  }
  if (!spec.stdin_path.empty()) {
    if (auto problem = unreadable("--stdin", spec.stdin_path)) return problem;
  }
  for (const net::FileSpec& output : spec.outputs) {
    if (const std::optional<std::string> why = why_unwritable(output.path)) {
      return Problem{kExitCannotCreate, fmt::format("--output {}: {}", output.path, *why)};
    }
  }
  return std::nullopt;
}

}  // namespace peerctl
