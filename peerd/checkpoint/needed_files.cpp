#include "peerd/checkpoint/needed_files.h"

#include <limits.h>
#include <sys/stat.h>

#include <algorithm>
#include <sstream>

#include "peerd/checkpoint/elf_build_id.h"
#include "peerd/proc_files.h"

namespace peerd {

std::optional<NeededFile> describe_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  NeededFile file;
  file.path = path;
  file.mode = status.st_mode;
  if (S_ISREG(status.st_mode)) {
    file.bytes = static_cast<std::uint64_t>(status.st_size);
    file.build_id = elf_build_id(path);
  }
  return file;
}

std::string missing_here(const std::vector<NeededFile>& files) {
  for (const NeededFile& wanted : files) {
    const std::optional<NeededFile> here = describe_file(wanted.path);
    if (!here) return wanted.path + " is missing";
    if (here->mode != wanted.mode) return wanted.path + " has another mode";
    if (*here != wanted) return wanted.path + " differs";
  }
  return {};
}

// "MODE BYTES BUILD_ID PATH": a path may contain anything but a line's end, so it comes last.
std::string to_text(const std::vector<NeededFile>& files) {
  std::string text;
  for (const NeededFile& file : files) {
    text += std::to_string(file.mode) + " " + std::to_string(file.bytes) + " " +
            (file.build_id.empty() ? "-" : file.build_id) + " " + file.path + "\n";
  }
  return text;
}

std::optional<std::vector<NeededFile>> needed_files_from(std::string_view text) {
  if (text.size() > kMaxNeededFilesBytes) return std::nullopt;
  std::vector<NeededFile> files;
  bool valid = true;
  for_each_line(text, [&](std::string_view line) {
    NeededFile file;
    std::istringstream fields{std::string(line)};
    fields >> file.mode >> file.bytes >> file.build_id;
    fields.get();
    std::getline(fields, file.path);
    if (file.build_id == "-") file.build_id.clear();
    valid = valid && fields && file.path.starts_with('/') && file.path.size() < PATH_MAX &&
            files.size() < kMaxNeededFiles;
    if (valid) files.push_back(std::move(file));
  });
  if (!valid) return std::nullopt;
  return files;
}

}  // namespace peerd
