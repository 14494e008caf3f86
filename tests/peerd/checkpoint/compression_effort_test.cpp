// How hard to compress, from how long it took and how long the link was busy.
#include "peerd/checkpoint/compression_effort.h"

#include <cstdint>

#include "tests/catch.h"

using peerd::Effort;
using peerd::next_effort;
using peerd::Stint;

namespace {

constexpr std::uint64_t kPlain = 2'000'000;
constexpr std::uint64_t kMs = 1'000'000;

Stint stint(std::uint64_t packed, std::uint64_t working_ms, std::uint64_t blocked_ms) {
  return {kPlain, packed, working_ms * kMs, blocked_ms * kMs};
}

// A link, and a program whose memory shrinks to `percent` whatever the effort.
Effort settled(std::uint64_t link_bytes_per_ms, std::uint64_t percent, Effort effort) {
  constexpr std::uint64_t kWorking_ms[] = {0, 2, 4, 8, 25};
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t packed = effort == Effort::none ? kPlain : kPlain * percent / 100;
    const std::uint64_t sending_ms = packed / link_bytes_per_ms;
    const std::uint64_t working_ms = kWorking_ms[static_cast<int>(effort)];
    effort = next_effort(
        effort, stint(packed, working_ms, sending_ms > working_ms ? sending_ms - working_ms : 0));
  }
  return effort;
}

// A slow link, and memory that shrinks to `percent`: how many of so many stints are compressed.
int attempts(peerd::PatientChoice& choose, Effort& effort, int stints, std::uint64_t percent) {
  int count = 0;
  for (int i = 0; i < stints; ++i) {
    if (effort != Effort::none) ++count;
    const bool as_it_is = effort == Effort::none;
    effort = choose(effort, stint(as_it_is ? kPlain : kPlain * percent / 100, 2, 40));
  }
  return count;
}

}  // namespace

TEST_CASE("a link that waits is given more, with less effort") {
  CHECK(next_effort(Effort::thorough, stint(kPlain / 2, 30, 0)) == Effort::moderate);
  CHECK(next_effort(Effort::fast, stint(kPlain / 2, 30, 4)) == Effort::fastest);
  CHECK(next_effort(Effort::fast, stint(kPlain / 2, 30, 5)) == Effort::fast);
  CHECK(next_effort(Effort::fastest, stint(kPlain / 2, 30, 0)) == Effort::none);
}

TEST_CASE("a link that is waited for gets less, with more effort, if there is time for it") {
  CHECK(next_effort(Effort::fast, stint(kPlain / 2, 10, 29)) == Effort::fast);
  CHECK(next_effort(Effort::fast, stint(kPlain / 2, 10, 30)) == Effort::moderate);
  CHECK(next_effort(Effort::moderate, stint(kPlain / 2, 10, 90)) == Effort::thorough);
  CHECK(next_effort(Effort::thorough, stint(kPlain / 2, 10, 900)) == Effort::thorough);
}

TEST_CASE("no effort where bytes leave as fast as they are copied") {
  CHECK(next_effort(Effort::fast, stint(kPlain / 2, 1, 2)) == Effort::fastest);  // 333 MB/s
  CHECK(next_effort(Effort::none, stint(kPlain, 0, 2)) == Effort::none);
  CHECK(next_effort(Effort::none, stint(kPlain, 0, 15)) == Effort::none);  // 133 MB/s
  CHECK(next_effort(Effort::none, stint(kPlain, 0, 17)) == Effort::fastest);
  CHECK(next_effort(Effort::none, Stint{}) == Effort::fastest);  // divides by no zero
}

TEST_CASE("no effort for what does not shrink") {
  CHECK(next_effort(Effort::fast, stint(kPlain, 10, 90)) == Effort::fastest);
  CHECK(next_effort(Effort::fast, stint(kPlain - kPlain / 16, 10, 90)) == Effort::fastest);
  CHECK(next_effort(Effort::fast, stint(kPlain - kPlain / 16 - 1, 10, 90)) == Effort::moderate);
}

TEST_CASE("the effort settles by the link's speed") {
  for (const Effort begin : {Effort::none, Effort::fast, Effort::thorough}) {
    CHECK(settled(1'200'000, 50, begin) == Effort::none);   // ten gigabits per second
    CHECK(settled(118'000, 50, begin) == Effort::fast);     // one
    CHECK(settled(11'800, 50, begin) == Effort::thorough);  // a tenth
    CHECK(settled(11'800, 100, begin) <= Effort::fastest);  // what does not shrink
  }
}

TEST_CASE("what does not shrink is tried less and less often") {
  peerd::PatientChoice choose;
  Effort effort = Effort::fastest;
  CHECK(attempts(choose, effort, 1, 100) == 1);
  CHECK(attempts(choose, effort, 2, 100) == 0);
  CHECK(attempts(choose, effort, 1, 100) == 1);
  CHECK(attempts(choose, effort, 3, 100) == 0);
  CHECK(attempts(choose, effort, 1, 100) == 1);
  CHECK(attempts(choose, effort, 340, 100) == 12);  // after 5, 9, 17, and then 33 each
  SECTION("and when it does there is effort again, and hope") {
    CHECK(attempts(choose, effort, 60, 50) >= 60 - 34);
    CHECK(effort == Effort::thorough);
    while (effort != Effort::fastest) attempts(choose, effort, 1, 100);
    CHECK(attempts(choose, effort, 4, 100) == 2);
  }
}
