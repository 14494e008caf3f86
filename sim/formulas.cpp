#include "sim/formulas.h"

#include <cmath>

namespace sim::formulas {
namespace {

// Erlang's C: the probability that a task has to wait. B, of being lost, by recursion first.
double waiting_probability(std::uint32_t k, double rho) {
  const double a = k * rho;
  double b = 1;
  for (std::uint32_t i = 1; i <= k; ++i) b = a * b / (i + a * b);
  return b / (1 - rho * (1 - b));
}

// P(T > t): the waiting time is 0 or exponential, and the service time comes on top.
double mmk_tail(std::uint32_t k, double rho, double t) {
  const double c = waiting_probability(k, rho);
  const double theta = k * (1 - rho);
  if (std::abs(theta - 1) < 1e-9) return std::exp(-t) * (1 + c * t);
  return (1 - c) * std::exp(-t) + c * (theta * std::exp(-t) - std::exp(-theta * t)) / (theta - 1);
}

}  // namespace

double mm1_mean_s(double rho) {
  return 1 / (1 - rho);
}

double mm1_p99_s(double rho) {
  return std::log(100.0) / (1 - rho);
}

double mmk_mean_s(std::uint32_t k, double rho) {
  return 1 + waiting_probability(k, rho) / (k * (1 - rho));
}

double mmk_p99_s(std::uint32_t k, double rho) {
  double low = 0, high = mm1_p99_s(rho);
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (mmk_tail(k, rho, middle) > 0.01 ? low : high) = middle;
  }
  return high;
}

}  // namespace sim::formulas
