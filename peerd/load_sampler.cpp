#include "peerd/load_sampler.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <limits>
#include <utility>
#include <vector>

namespace peerd {
namespace {

constexpr std::size_t kMaxFileBytes = 4096;
constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kMaxCpus = 1u << 16;

UniqueFd open_readable(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

// What follows the first `key` in `text`.
std::optional<std::string_view> after(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  return text.substr(at + key.size());
}

// Takes an unsigned number off the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
  return number;
}

std::uint64_t disk_available_bytes(const std::string& directory) {
  struct statvfs disk {};
  if (statvfs(directory.c_str(), &disk) != 0) return kUnlimited;
  return std::uint64_t{disk.f_bavail} * disk.f_frsize;
}

}  // namespace

std::optional<std::uint64_t> parse_memory_available(std::string_view meminfo) {
  auto value = after(meminfo, "MemAvailable:");
  if (!value) return std::nullopt;
  value->remove_prefix(std::min(value->find_first_not_of(' '), value->size()));
  const auto kibibytes = take_number(*value);
  if (!kibibytes || *kibibytes > kUnlimited / 1024 || !value->starts_with(" kB"))
    return std::nullopt;
  return *kibibytes * 1024;
}

std::optional<std::uint32_t> parse_memory_pressure(std::string_view pressure) {
  auto value = after(pressure, "some avg10=");
  if (!value) return std::nullopt;
  const auto per_cent = take_number(*value);
  if (!per_cent || *per_cent > 100) return std::nullopt;
  std::uint32_t tenths = 0;
  if (value->size() >= 2 && (*value)[0] == '.' && (*value)[1] >= '0' && (*value)[1] <= '9')
    tenths = static_cast<std::uint32_t>((*value)[1] - '0');
  return std::min<std::uint32_t>(static_cast<std::uint32_t>(*per_cent) * 10 + tenths, 1000);
}

LoadSampler::LoadSampler(std::string disk_directory, const std::string& proc)
    : disk_directory_(std::move(disk_directory)),
      meminfo_(open_readable(proc + "/meminfo")),
      pressure_(open_readable(proc + "/pressure/memory")) {}

core::LoadSampled LoadSampler::sample() const {
  std::array<char, kMaxFileBytes> buffer;
  const auto read = [&buffer](const UniqueFd& file) {
    const ssize_t size = file ? ::pread(file.get(), buffer.data(), buffer.size(), 0) : 0;
    return std::string_view(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  };
  core::LoadSampled sampled;
  sampled.memory_available_bytes = parse_memory_available(read(meminfo_)).value_or(kUnlimited);
  sampled.memory_pressure_thousandths = parse_memory_pressure(read(pressure_)).value_or(0);
  sampled.disk_available_bytes = disk_available_bytes(disk_directory_);
  return sampled;
}

std::uint32_t usable_cpus() {
  // As large a set as the kernel's own, which is not known beforehand.
  for (std::size_t cpus = CPU_SETSIZE; cpus <= kMaxCpus; cpus *= 2) {
    std::vector<cpu_set_t> sets(cpus / CPU_SETSIZE);
    const std::size_t bytes = sets.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, sets.data()) == 0) {
      int count = 0;
      for (const cpu_set_t& set : sets) count += CPU_COUNT(&set);
      return static_cast<std::uint32_t>(std::max(count, 1));
    }
    if (errno != EINVAL) break;
  }
  return 1;
}

}  // namespace peerd
