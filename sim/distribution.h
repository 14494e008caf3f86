// How long tasks run, and how long it is until the next one comes: a shape, scaled to a mean.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/rng.h"
#include "core/types.h"

namespace sim {

class Distribution {
 public:
  enum class Shape : std::uint8_t { exponential, deterministic, pareto, hyperexponential };

  // What a bounded Pareto may draw at most: 35 years, which virtual time has room for.
  static constexpr core::Duration kLongest = core::Duration{1} << 50;

  static Distribution exponential(core::Duration mean);
  static Distribution deterministic(core::Duration mean);
  // Bounded Pareto: P(X > x) falls as x^-alpha between a least value and `ratio` times that.
  // 0.1 <= alpha <= 10, 2 <= ratio <= 10^9, and nothing above kLongest.
  static Distribution pareto(core::Duration mean, std::uint32_t alpha_thousandths,
                             std::uint64_t ratio);
  // Two exponential phases of balanced means with that squared coefficient of variation, 1 ...
  // 1000.
  static Distribution hyperexponential(core::Duration mean, std::uint32_t cv2_thousandths);

  // "exponential", "deterministic", "pareto:ALPHA:RATIO", "hyperexponential:CV2". On failure
  // nullopt, and `error` says what is wrong and what is allowed. Requires mean > 0.
  static std::optional<Distribution> parse(const std::string& text, core::Duration mean,
                                           std::string& error);

  // At least 1 us. Some draws from `rng`, as many as the shape needs.
  core::Duration draw(core::Rng& rng) const;
  core::Duration mean() const { return mean_; }
  bool is_exponential() const { return shape_ == Shape::exponential; }

 private:
  Distribution(Shape shape, core::Duration mean) : shape_(shape), mean_(mean) {}

  Shape shape_;
  core::Duration mean_;
  // pareto
  std::uint64_t least_ = 0;  // in units of 2^-least_fraction_ us, 62 bits of it
  int least_fraction_ = 0;
  std::uint32_t alpha_thousandths_ = 0;
  std::uint64_t cut_off_ = 0;  // 1 - ratio^-alpha, in units of 2^-64
  // hyperexponential
  std::uint64_t first_phase_ = 0;  // its probability, in units of 2^-64
  core::Duration first_mean_ = 0;
  core::Duration second_mean_ = 0;
};

}  // namespace sim
