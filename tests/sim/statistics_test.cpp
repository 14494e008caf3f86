// Means, intervals and percentiles against values worked out by hand.
#include "sim/statistics.h"

#include <cmath>
#include <vector>

#include "tests/catch.h"

using core::kMillisecond;
using core::kSecond;

namespace {

bool near(double value, double truth) {
  return std::abs(value - truth) <= 1e-9 * std::max(1.0, std::abs(truth));
}

// So many values in two equal halves at mean - 1 and mean + 1.
std::vector<double> halves(std::size_t count, double mean) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(i % 2 == 0 ? mean - 1 : mean + 1);
  return values;
}

}  // namespace

TEST_CASE("one value has no interval") {
  const sim::Estimate one = sim::estimate({7.5});
  CHECK(one.mean == 7.5);
  CHECK(one.half_width == -1);
}

TEST_CASE("equal values have an interval of nothing") {
  const sim::Estimate same = sim::estimate({3, 3, 3});
  CHECK(same.mean == 3);
  CHECK(same.half_width == 0);
}

TEST_CASE("Student's intervals") {
  // 1 and 3: deviation sqrt 2, by sqrt 2, times t(1) = 12.706.
  CHECK(near(sim::estimate({1, 3}).half_width, 12.706));
  // 1 ... 5: deviation sqrt(10/4), by sqrt 5, times t(4) = 2.776.
  const sim::Estimate five = sim::estimate({5, 1, 4, 2, 3});
  CHECK(five.mean == 3);
  CHECK(near(five.half_width, 2.776 * std::sqrt(2.5 / 5)));
}

TEST_CASE("the table of Student's t, row by row") {
  struct Row {
    std::size_t values;
    double t;
  };
  // The last row of the table is 30 degrees of freedom; from there on it is the normal law's.
  for (const Row& row : {Row{2, 12.706}, Row{4, 3.182}, Row{10, 2.262}, Row{12, 2.201},
                         Row{20, 2.093}, Row{30, 2.045}, Row{32, 1.960}, Row{1000, 1.960}}) {
    CAPTURE(row.values);
    const auto count = static_cast<double>(row.values);
    const sim::Estimate estimate = sim::estimate(halves(row.values, 10));
    CHECK(near(estimate.mean, 10));
    CHECK(near(estimate.half_width, row.t * std::sqrt(count / (count - 1) / count)));
  }
  // 31 values, one more below than above: mean 10 - 1/31, squares 31 - 1/31.
  CHECK(
      near(sim::estimate(halves(31, 10)).half_width, 2.042 * std::sqrt((31 - 1.0 / 31) / 30 / 31)));
}

TEST_CASE("the mean of durations is in seconds") {
  CHECK(sim::mean_s({}) == 0);
  CHECK(near(sim::mean_s({kSecond, 2 * kSecond, 3 * kMillisecond}), 1.001));
}

TEST_CASE("percentiles are ranks, not something in between") {
  const auto at = [](std::size_t count, std::uint32_t per_mille) {
    std::vector<core::Duration> sorted;
    for (std::size_t i = 1; i <= count; ++i)
      sorted.push_back(static_cast<core::Duration>(i) * kSecond);
    return sim::percentile_s(sorted, per_mille);
  };
  CHECK(at(1, 1) == 1);
  CHECK(at(1, 500) == 1);
  CHECK(at(1, 1000) == 1);
  CHECK(at(2, 500) == 1);
  CHECK(at(2, 501) == 2);
  CHECK(at(10, 900) == 9);
  CHECK(at(10, 901) == 10);
  CHECK(at(10, 999) == 10);
  CHECK(at(100, 1) == 1);
  CHECK(at(100, 990) == 99);
  CHECK(at(1000, 999) == 999);
  CHECK(at(1000, 1000) == 1000);
  CHECK(at(1001, 999) == 1000);
}
