// A process that notices when it was not running: says so on standard output, in milliseconds, and
// four times a second that it is.
//
//   ticker MIB SECONDS     holds MIB of memory that does not compress, and ticks that long
#include <time.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr std::int64_t kNotable_ms = 10;
constexpr std::int64_t kPeriod_us = 250'000;

std::int64_t now_us() {
  timespec now{};
  // CRIU lets the monotonic clock of what it restores go on where it was.
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
}

std::vector<std::uint64_t> noise(std::size_t bytes) {
  std::vector<std::uint64_t> words(bytes / sizeof(std::uint64_t));
  std::uint64_t state = 1;
  for (std::uint64_t& word : words) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    word = state;
  }
  return words;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  const std::vector<std::uint64_t> held = noise(std::strtoull(argv[1], nullptr, 10) << 20);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::int64_t left_us = std::atoll(argv[2]) * 1'000'000;
  std::uint64_t sum = 0;
  std::int64_t told = 0;
  for (std::int64_t last = now_us(); left_us > 0;) {
    const timespec tick = {0, 500'000};
    ::nanosleep(&tick, nullptr);
    const std::int64_t now = now_us();
    const std::int64_t gap = now - last;
    last = now;
    if (gap >= kNotable_ms * 1000)
      std::printf("gap %lld\n", static_cast<long long>(gap / 1000));
    else
      left_us -= gap;
    if (now / kPeriod_us > told) std::puts("ticking");
    told = now / kPeriod_us;
    sum += held.empty() ? 0 : held[static_cast<std::size_t>(now) % held.size()];
  }
  return sum == 1 ? 1 : 0;  // the memory must be there
}
