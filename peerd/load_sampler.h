// Measures the board: free memory, memory pressure, free disk, processors. Linux's /proc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/event.h"
#include "peerd/unique_fd.h"

namespace peerd {

class LoadSampler {
 public:
  // `disk_directory`: where tasks' directories are, on the file system to be watched.
  explicit LoadSampler(std::string disk_directory, const std::string& proc = "/proc");

  // Three system calls and no allocation. What cannot be measured vetoes nothing: unlimited
  // memory or disk, no pressure.
  core::LoadSampled sample() const;

  bool measures_memory() const { return static_cast<bool>(meminfo_); }
  bool measures_pressure() const { return static_cast<bool>(pressure_); }  // a kernel with PSI

 private:
  std::string disk_directory_;
  UniqueFd meminfo_;
  UniqueFd pressure_;
};

// MemAvailable of /proc/meminfo, in bytes.
std::optional<std::uint64_t> parse_memory_available(std::string_view meminfo);

// "some avg10" of /proc/pressure/memory: per cent there, thousandths here, rounded down.
std::optional<std::uint32_t> parse_memory_pressure(std::string_view pressure);

// Processors that this process may run on, at least 1.
std::uint32_t usable_cpus();

}  // namespace peerd
