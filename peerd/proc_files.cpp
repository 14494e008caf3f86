#include "peerd/proc_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <sstream>

#include "peerd/unique_fd.h"

namespace peerd {

std::string proc_path(pid_t pid, std::string_view name) {
  return "/proc/" + std::to_string(pid) + "/" + std::string(name);
}

std::string read_text(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 16384> chunk;
  while (file) {
    const ssize_t got = ::read(file.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::string read_link(const std::string& path) {
  std::array<char, PATH_MAX> target;
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  return size < 0 ? std::string() : std::string(target.data(), static_cast<std::size_t>(size));
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  DIR* const stream = ::opendir(directory.c_str());
  if (stream == nullptr) return names;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

unsigned long long stat_number(pid_t pid, int field) {
  const std::string text = read_text(proc_path(pid, "stat"));
  const std::size_t name_end = text.rfind(") ");
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 2));
  std::string skipped;
  for (int i = 3; i < field; ++i) fields >> skipped;
  unsigned long long number = 0;
  fields >> number;
  return number;
}

std::string_view field_of(std::string_view text, std::string_view key) {
  constexpr std::string_view kBlank = " \t";
  std::string_view value;
  for_each_line(text, [&](std::string_view line) {
    const std::size_t colon = line.find(':');
    if (!value.empty() || colon == std::string_view::npos) return;
    std::string_view name = line.substr(0, colon);
    name = name.substr(0, name.find_last_not_of(kBlank) + 1);
    if (name != key) return;
    line.remove_prefix(colon + 1);
    line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
    value = line.substr(0, line.find_last_not_of(kBlank) + 1);
  });
  return value;
}

}  // namespace peerd
