// The files outside a task's directory that it has open or mapped: programs, libraries, data that
// it reads. They are not moved; the same ones must be at the destination.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace peerd {

struct NeededFile {
  std::string path;         // absolute, on the board
  std::uint64_t bytes = 0;  // 0 for a directory
  std::uint32_t mode = 0;   // as stat has it, with the kind of file
  std::string build_id;     // of programs and libraries that have one

  bool operator==(const NeededFile&) const = default;
};

// As it is here now; nothing if it is not there.
std::optional<NeededFile> describe_file(const std::string& path);

// Empty if all of them are here, the same; else the first that is not: "libc.so.6 differs". What
// has no build id is compared by size alone, which is what a restore would do.
std::string missing_here(const std::vector<NeededFile>& files);

// For messages to other peers: a line each. Nothing if a line is none or there are more than the
// limits allow.
inline constexpr std::size_t kMaxNeededFiles = 4096;
inline constexpr std::size_t kMaxNeededFilesBytes = 1024 * 1024;
std::string to_text(const std::vector<NeededFile>& files);
std::optional<std::vector<NeededFile>> needed_files_from(std::string_view text);

}  // namespace peerd
