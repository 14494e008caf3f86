#include "sim/distribution.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "config/units.h"
#include "sim/fixed_point.h"

namespace sim {
namespace {

constexpr std::uint64_t kLn2 = 0xb17217f7d1cf79abu;  // in units of 2^-64
constexpr double kTwoTo32 = 4294967296.0;
constexpr double kTwoTo64 = kTwoTo32 * kTwoTo32;
constexpr int kLeastBits = 62;

// (0, 1], in units of 2^-64.
std::uint64_t uniform(core::Rng& rng) {
  const std::uint64_t draw = rng.next();
  return draw == 0 ? 1 : draw;
}

core::Duration draw_exponential(core::Rng& rng, core::Duration mean) {
  const std::uint64_t bits = minus_log2(uniform(rng));  // at most 64, in units of 2^-32
  const std::uint64_t nats = scale(bits << 24, kLn2);   // in units of 2^-56
  return static_cast<core::Duration>(
      multiply_divide(static_cast<std::uint64_t>(mean), nats, std::uint64_t{1} << 56));
}

// x^-exponent for x >= 1, in units of 2^-64.
std::uint64_t power_bits(std::uint64_t x, double exponent) {
  const std::uint64_t log2 = (std::uint64_t{64} << 32) - minus_log2(x);
  const double y = exponent * static_cast<double>(log2);
  return exp2_minus(static_cast<std::uint64_t>(y));
}

double power_minus(std::uint64_t x, double exponent) {
  return static_cast<double>(power_bits(x, exponent)) / kTwoTo64;
}

// x / 2^bits, rounded down; where bits is negative, x times so many twos.
std::uint64_t shift(std::uint64_t x, int bits) {
  if (bits <= 0) return x << -bits;
  return bits < 64 ? x >> bits : 0;
}

double log2_of(std::uint64_t x) {
  return static_cast<double>((std::uint64_t{64} << 32) - minus_log2(x)) / kTwoTo32;
}

// The mean of a bounded Pareto whose least value is 1.
double pareto_mean(double alpha, std::uint64_t ratio) {
  const double below = 1 - power_minus(ratio, alpha);
  if (std::abs(alpha - 1) < 1e-9)
    return log2_of(ratio) * (static_cast<double>(kLn2) / kTwoTo64) / below;
  const double tail = alpha > 1 ? power_minus(ratio, alpha - 1) : 1 / power_minus(ratio, 1 - alpha);
  return alpha / (alpha - 1) * (1 - tail) / below;
}

double pareto_least(core::Duration mean, std::uint32_t alpha_thousandths, std::uint64_t ratio) {
  return static_cast<double>(mean) / pareto_mean(alpha_thousandths / 1000.0, ratio);
}

bool reaches_too_far(double least, std::uint64_t ratio) {
  return least * static_cast<double>(ratio) > static_cast<double>(Distribution::kLongest);
}

}  // namespace

Distribution Distribution::exponential(core::Duration mean) {
  return {Shape::exponential, mean};
}

Distribution Distribution::deterministic(core::Duration mean) {
  return {Shape::deterministic, mean};
}

Distribution Distribution::pareto(core::Duration mean, std::uint32_t alpha_thousandths,
                                  std::uint64_t ratio) {
  Distribution result{Shape::pareto, mean};
  result.alpha_thousandths_ = alpha_thousandths;
  result.cut_off_ = ~power_bits(ratio, alpha_thousandths / 1000.0);
  const double least = pareto_least(mean, alpha_thousandths, ratio);
  assert(!reaches_too_far(least, ratio));
  int exponent = 0;
  const double mantissa = std::frexp(least, &exponent);
  result.least_ = static_cast<std::uint64_t>(std::ldexp(mantissa, kLeastBits));
  result.least_fraction_ = kLeastBits - exponent;
  return result;
}

Distribution Distribution::hyperexponential(core::Duration mean, std::uint32_t cv2_thousandths) {
  Distribution result{Shape::hyperexponential, mean};
  const double cv2 = cv2_thousandths / 1000.0;
  const double first = (1 + std::sqrt((cv2 - 1) / (cv2 + 1))) / 2;
  result.first_phase_ =
      static_cast<std::uint64_t>(std::min(first * kTwoTo64, kTwoTo64 * (1 - 1e-15)));
  result.first_mean_ = static_cast<core::Duration>(static_cast<double>(mean) / (2 * first));
  result.second_mean_ = static_cast<core::Duration>(static_cast<double>(mean) / (2 * (1 - first)));
  return result;
}

core::Duration Distribution::draw(core::Rng& rng) const {
  core::Duration value = 0;
  switch (shape_) {
    case Shape::exponential:
      value = draw_exponential(rng, mean_);
      break;
    case Shape::deterministic:
      value = mean_;
      break;
    case Shape::pareto: {
      // X = least * (1 - U (1 - ratio^-alpha))^(-1/alpha)
      const std::uint64_t survival = ~scale(rng.next(), cut_off_);
      const std::uint64_t bits = multiply_divide(minus_log2(survival), 1000, alpha_thousandths_);
      const auto whole = static_cast<int>(bits >> 32);
      const std::uint64_t rest = (std::uint64_t{1} << 32) - (bits & 0xffffffffu);
      const std::uint64_t scaled = scale(least_ << 1, exp2_minus(rest));  // least * 2^fraction
      value = static_cast<core::Duration>(shift(scaled, least_fraction_ - whole));
      break;
    }
    case Shape::hyperexponential: {
      const std::uint64_t phase = rng.next();
      value = draw_exponential(rng, phase < first_phase_ ? first_mean_ : second_mean_);
      break;
    }
  }
  return std::max<core::Duration>(1, value);
}

std::optional<Distribution> Distribution::parse(const std::string& text, core::Duration mean,
                                                std::string& error) {
  assert(mean > 0);
  const auto wrong = [&](const std::string& what) {
    error = config::quoted(text) + " " + what +
            "; allowed: exponential, deterministic, pareto:ALPHA:RATIO (0.1 ... 10, 2 ... 10^9), "
            "hyperexponential:CV2 (1 ... 1000)";
    return std::nullopt;
  };
  if (text == "exponential") return exponential(mean);
  if (text == "deterministic") return deterministic(mean);
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return wrong("is no distribution");
  const std::string shape = text.substr(0, colon);
  const std::string rest = text.substr(colon + 1);
  std::string ignored;
  if (shape == "hyperexponential") {
    const auto cv2 = config::parse_quantity(config::Unit::thousandths, rest, ignored);
    if (!cv2 || *cv2 < 1000 || *cv2 > 1'000'000) return wrong("has no such CV2");
    return hyperexponential(mean, static_cast<std::uint32_t>(*cv2));
  }
  const std::size_t second = rest.find(':');
  if (shape != "pareto" || second == std::string::npos) return wrong("is no distribution");
  const auto alpha =
      config::parse_quantity(config::Unit::thousandths, rest.substr(0, second), ignored);
  const auto ratio = config::parse_quantity(config::Unit::count, rest.substr(second + 1), ignored);
  if (!alpha || *alpha < 100 || *alpha > 10'000) return wrong("has no such ALPHA");
  if (!ratio || *ratio < 2 || *ratio > 1'000'000'000) return wrong("has no such RATIO");
  const auto alpha_thousandths = static_cast<std::uint32_t>(*alpha);
  const auto times = static_cast<std::uint64_t>(*ratio);
  if (reaches_too_far(pareto_least(mean, alpha_thousandths, times), times))
    return wrong("reaches beyond 35 years with that mean");
  return pareto(mean, alpha_thousandths, times);
}

}  // namespace sim
