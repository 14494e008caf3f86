#include "peerd/pacer.h"

#include "tests/catch.h"

using core::kMillisecond;
using core::kSecond;
using peerd::Pacer;

TEST_CASE("pacer: without a rate nothing waits") {
  Pacer pacer;
  CHECK(pacer.sent(1ull << 40, 0) == 0);
}

TEST_CASE("pacer: what is sent as fast as it allows takes as long as the rate says") {
  Pacer pacer;
  pacer.set_rate(100);
  core::Time now = 5 * kSecond;
  const core::Time began = now;
  for (int i = 0; i < 1000; ++i) now += pacer.sent(64 << 10, now);
  // 65,536,000 bytes at 12,500,000 a second; the last pieces may still be ahead by a pause.
  CHECK(now - began > 5240 * kMillisecond);
  CHECK(now - began <= 5243 * kMillisecond);
}

TEST_CASE("pacer: what was not used is not saved up") {
  Pacer pacer;
  pacer.set_rate(8);
  CHECK(pacer.sent(1'000'000, 0) == kSecond);
  CHECK(pacer.sent(1'000'000, 100 * kSecond) == kSecond);
  CHECK(pacer.sent(1000, 200 * kSecond) == 0);  // a millisecond's worth: not worth a pause
  CHECK(pacer.sent(1000, 200 * kSecond) == 2 * kMillisecond);
}
