#include "peerd/load_sampler.h"

#include <sched.h>

#include <cstdint>
#include <filesystem>
#include <limits>

#include "tests/catch.h"
#include "tests/peerd/scratch_directory.h"

using namespace peerd;

namespace {

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

const char* const kMeminfo =
    "MemTotal:       24630328 kB\n"
    "MemFree:        21234336 kB\n"
    "MemAvailable:   23567584 kB\n"
    "Buffers:           58012 kB\n";

const char* const kPressure =
    "some avg10=12.39 avg60=4.02 avg300=1.00 total=81263\n"
    "full avg10=99.00 avg60=3.00 avg300=0.50 total=70001\n";

}  // namespace

TEST_CASE("MemAvailable is read in bytes") {
  CHECK(parse_memory_available(kMeminfo) == 23567584ull * 1024);
  CHECK(parse_memory_available("MemAvailable: 0 kB\n") == 0);
}

TEST_CASE("what is no meminfo is no figure") {
  CHECK(!parse_memory_available(""));
  CHECK(!parse_memory_available("MemTotal: 1 kB\nMemFree: 1 kB\n"));
  CHECK(!parse_memory_available("MemAvailable:"));
  CHECK(!parse_memory_available("MemAvailable:   "));
  CHECK(!parse_memory_available("MemAvailable: many kB\n"));
  CHECK(!parse_memory_available("MemAvailable: 12 MB\n"));
  CHECK(!parse_memory_available("MemAvailable: 18446744073709551615 kB\n"));
}

TEST_CASE("memory pressure is `some avg10` in thousandths, rounded down") {
  CHECK(parse_memory_pressure(kPressure) == 123u);
  CHECK(parse_memory_pressure("some avg10=0.00 avg60=0.00") == 0u);
  CHECK(parse_memory_pressure("some avg10=0.09 avg60=0.00") == 0u);
  CHECK(parse_memory_pressure("some avg10=0.10 avg60=0.00") == 1u);
  CHECK(parse_memory_pressure("some avg10=100.00 avg60=0.00") == 1000u);
  CHECK(parse_memory_pressure("some avg10=7 avg60=0") == 70u);
}

TEST_CASE("what is no pressure is no figure") {
  CHECK(!parse_memory_pressure(""));
  CHECK(!parse_memory_pressure("full avg10=12.39"));
  CHECK(!parse_memory_pressure("some avg10="));
  CHECK(!parse_memory_pressure("some avg10=-1.00"));
  CHECK(!parse_memory_pressure("some avg10=101.00"));
  CHECK(!parse_memory_pressure("some avg10=99999999999999999999"));
}

TEST_CASE("a sample is read afresh from files that stay open") {
  ScratchDirectory proc;
  proc.write("meminfo", kMeminfo);
  proc.write("pressure/memory", kPressure);
  const LoadSampler sampler(proc.path(), proc.path());
  CHECK(sampler.measures_memory());
  CHECK(sampler.measures_pressure());
  CHECK(sampler.sample().memory_available_bytes == 23567584ull * 1024);
  CHECK(sampler.sample().memory_pressure_thousandths == 123);

  proc.write("meminfo", "MemAvailable: 3 kB\n");
  proc.write("pressure/memory", "some avg10=50.00 avg60=0.00 avg300=0.00 total=0\n");
  CHECK(sampler.sample().memory_available_bytes == 3 * 1024);
  CHECK(sampler.sample().memory_pressure_thousandths == 500);
}

TEST_CASE("what cannot be measured vetoes nothing") {
  ScratchDirectory empty;
  const LoadSampler sampler(empty / "nowhere", empty.path());
  CHECK(!sampler.measures_memory());
  CHECK(!sampler.measures_pressure());
  const core::LoadSampled sampled = sampler.sample();
  CHECK(sampled.memory_available_bytes == kUnlimited);
  CHECK(sampled.memory_pressure_thousandths == 0);
  CHECK(sampled.disk_available_bytes == kUnlimited);
}

TEST_CASE("this machine can be measured") {
  ScratchDirectory scratch;
  const core::LoadSampled sampled = LoadSampler(scratch.path()).sample();
  CHECK(sampled.memory_available_bytes > 0);
  CHECK(sampled.memory_available_bytes < std::uint64_t{1} << 50);
  CHECK(sampled.memory_pressure_thousandths <= 1000);
  CHECK(sampled.disk_available_bytes <= std::filesystem::space(scratch.path()).capacity);
}

TEST_CASE("processors count as far as the affinity mask allows them") {
  cpu_set_t before;
  REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
  CHECK(usable_cpus() == static_cast<std::uint32_t>(CPU_COUNT(&before)));

  unsigned first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  const std::uint32_t confined = usable_cpus();
  REQUIRE(sched_setaffinity(0, sizeof before, &before) == 0);
  CHECK(confined == 1);
}
