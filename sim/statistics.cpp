#include "sim/statistics.h"

#include <array>
#include <cassert>
#include <cmath>

namespace sim {
namespace {

// Student's t for 95 % two-sided, by degrees of freedom from 1.
constexpr std::array kStudent = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                 2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                                 2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                                 2.060,  2.056, 2.052, 2.048, 2.045, 2.042};
constexpr double kNormal = 1.960;

double student(std::size_t degrees) {
  return degrees <= kStudent.size() ? kStudent[degrees - 1] : kNormal;
}

}  // namespace

Estimate estimate(const std::vector<double>& values) {
  assert(!values.empty());
  const auto count = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += value;
  Estimate result{sum / count, -1};
  if (values.size() == 1) return result;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  const double deviation = std::sqrt(squares / (count - 1));
  result.half_width = student(values.size() - 1) * deviation / std::sqrt(count);
  return result;
}

double mean_s(const std::vector<core::Duration>& durations) {
  if (durations.empty()) return 0;
  core::Duration sum = 0;
  for (const core::Duration duration : durations) sum += duration;
  return static_cast<double>(sum) / static_cast<double>(durations.size()) / core::kSecond;
}

double percentile_s(const std::vector<core::Duration>& sorted, std::uint32_t per_mille) {
  assert(!sorted.empty() && per_mille > 0 && per_mille <= 1000);
  const std::size_t rank = (sorted.size() * per_mille + 999) / 1000;
  return static_cast<double>(sorted[rank - 1]) / core::kSecond;
}

}  // namespace sim
