// Every shape's mean, spread and bounds over many draws, how it is written, and its first draws of
// all: those are the same on every machine.
#include "sim/distribution.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tests/catch.h"

using core::kSecond;
using sim::Distribution;

namespace {

Distribution parsed(const std::string& text, core::Duration mean = kSecond) {
  std::string error;
  const auto distribution = Distribution::parse(text, mean, error);
  CAPTURE(text, error);
  REQUIRE(distribution);
  return *distribution;
}

struct Sample {
  double mean = 0, cv2 = 0;
  core::Duration least = std::numeric_limits<core::Duration>::max(), most = 0;
};

Sample sample(const Distribution& distribution, int draws, std::uint64_t seed = 1) {
  core::Rng rng(seed);
  Sample result;
  double squares = 0;
  for (int i = 1; i <= draws; ++i) {
    const core::Duration draw = distribution.draw(rng);
    result.least = std::min(result.least, draw);
    result.most = std::max(result.most, draw);
    const double off = static_cast<double>(draw) - result.mean;
    result.mean += off / i;
    squares += off * (static_cast<double>(draw) - result.mean);
  }
  result.cv2 = squares / (draws - 1) / (result.mean * result.mean);
  return result;
}

bool within(double value, double truth, double share) {
  return std::abs(value - truth) <= share * truth;
}

// Of a bounded Pareto whose least value is 1. Not for alpha = power.
double moment(double alpha, double ratio, double power) {
  return alpha / (alpha - power) * (1 - std::pow(ratio, power - alpha)) /
         (1 - std::pow(ratio, -alpha));
}

double pareto_mean(double alpha, double ratio) {
  return alpha == 1 ? std::log(ratio) / (1 - 1 / ratio) : moment(alpha, ratio, 1);
}

double pareto_cv2(double alpha, double ratio) {
  const double mean = pareto_mean(alpha, ratio);
  return moment(alpha, ratio, 2) / (mean * mean) - 1;
}

struct Pareto {
  double alpha, ratio;
  const char* text;
};

constexpr Pareto kParetos[] = {
    {0.1, 1e9, "pareto:0.1:1000000000"}, {0.5, 10, "pareto:0.5:10"},   {1, 1000, "pareto:1:1000"},
    {1.001, 1000, "pareto:1.001:1000"},  {1.5, 100, "pareto:1.5:100"}, {2.5, 2, "pareto:2.5:2"},
    {10, 1000, "pareto:10:1000"}};

// (0, 1], as the distributions see the generator's draws.
double uniform(std::uint64_t draw) {
  return std::max(1.0, static_cast<double>(draw)) / 18446744073709551616.0;
}

// Seeds whose first draws of 64 bits are the largest and the smallest of the first 300 million.
constexpr std::uint64_t kSeedOfLargest = 268173305;
constexpr std::uint64_t kSeedOfSmallest = 296670513;

std::vector<core::Duration> first(const std::string& text) {
  const Distribution distribution = parsed(text);
  core::Rng rng(1);
  std::vector<core::Duration> draws;
  for (int i = 0; i < 6; ++i) draws.push_back(distribution.draw(rng));
  return draws;
}

}  // namespace

TEST_CASE("exponential: mean and spread") {
  const Sample of = sample(parsed("exponential"), 400'000);
  CHECK(within(of.mean, 1e6, 0.005));
  CHECK(within(of.cv2, 1, 0.015));
}

TEST_CASE("deterministic: always the mean, and no draw") {
  core::Rng rng(1), untouched(1);
  CHECK(parsed("deterministic", 17).draw(rng) == 17);
  CHECK(rng.next() == untouched.next());
}

TEST_CASE("hyperexponential: mean and spread") {
  for (const double cv2 : {1.0, 1.5, 4.0, 20.0}) {
    CAPTURE(cv2);
    const Sample of = sample(parsed("hyperexponential:" + std::to_string(cv2)), 1'000'000);
    CHECK(within(of.mean, 1e6, 0.01));
    CHECK(within(of.cv2, cv2, 0.03));
  }
}

TEST_CASE("bounded Pareto: mean, spread and bounds") {
  for (const Pareto& pareto : kParetos) {
    CAPTURE(pareto.text);
    const Sample of = sample(parsed(pareto.text), 1'000'000);
    CHECK(within(of.mean, 1e6, 0.015));
    CHECK(within(of.cv2, pareto_cv2(pareto.alpha, pareto.ratio), 0.04));
    const double least = 1e6 / pareto_mean(pareto.alpha, pareto.ratio);
    CHECK(static_cast<double>(of.least) >= std::max(1.0, std::floor(least) - 1));
    CHECK(static_cast<double>(of.most) <= least * pareto.ratio + 1);
  }
}

TEST_CASE("bounded Pareto comes near both its bounds") {
  const Sample of = sample(parsed("pareto:0.5:10"), 100'000);
  const double least = 1e6 / pareto_mean(0.5, 10);
  CHECK(within(static_cast<double>(of.least), least, 0.001));
  CHECK(within(static_cast<double>(of.most), least * 10, 0.001));
}

TEST_CASE("the mean scales all draws") {
  for (const char* text : {"exponential", "pareto:1.5:1000", "hyperexponential:4"}) {
    CAPTURE(text);
    core::Rng one(1), other(1);
    const Distribution of_one = parsed(text, kSecond), of_ten = parsed(text, 10 * kSecond);
    for (int i = 0; i < 1000; ++i) {
      const core::Duration draw = of_one.draw(one);
      REQUIRE(std::abs(of_ten.draw(other) - 10 * draw) <= 11 + draw / 50'000);
    }
  }
}

TEST_CASE("each draw is the inverse of the distribution function") {
  core::Rng rng(7), raw(7);
  for (int i = 0; i < 1000; ++i) {
    const core::Duration draw = parsed("exponential").draw(rng);
    REQUIRE(std::abs(static_cast<double>(draw) + 1e6 * std::log(uniform(raw.next()))) <= 1);
  }
  for (const Pareto& pareto : kParetos) {
    CAPTURE(pareto.text);
    const Distribution distribution = parsed(pareto.text);
    const double least = 1e6 / pareto_mean(pareto.alpha, pareto.ratio);
    const double cut_off = 1 - std::pow(pareto.ratio, -pareto.alpha);
    for (int i = 0; i < 1000; ++i) {
      const auto draw = static_cast<double>(distribution.draw(rng));
      const double truth = least * std::pow(1 - uniform(raw.next()) * cut_off, -1 / pareto.alpha);
      REQUIRE(std::abs(draw - std::max(1.0, truth)) <= 1 + 1e-5 * truth);
    }
  }
}

TEST_CASE("a mean is kept even where the least value is far below a microsecond") {
  // Nine in ten draws are less than 1 us, and become 1 us.
  CHECK(within(sample(parsed("pareto:0.1:1000000000", 10'000), 1'000'000).mean, 10'000, 0.015));
}

TEST_CASE("every draw takes at least a microsecond") {
  for (const char* text :
       {"exponential", "deterministic", "pareto:0.1:1000000000", "hyperexponential:1000"}) {
    CAPTURE(text);
    CHECK(sample(parsed(text, 1), 100'000).least == 1);
  }
}

TEST_CASE("the rarest draws are long, not wrong") {
  struct Longest {
    const char* text;
    core::Duration mean;
    double truth;  // for U = 1 - 2.00906e-9
  };
  for (const Longest& longest :
       {Longest{"pareto:1:1000000000", kSecond, 16036541104210.0},
        Longest{"pareto:1:18000000", 1000 * kSecond, 1.03994e15},
        Longest{"pareto:1.5:2000000", 1000 * kSecond, 188043052034528.0}}) {
    CAPTURE(longest.text);
    core::Rng rng(kSeedOfLargest);
    const auto draw = static_cast<double>(parsed(longest.text, longest.mean).draw(rng));
    CHECK(within(draw, longest.truth, 0.001));
  }
  // -ln U for U = 122256912986 / 2^64
  core::Rng rng(kSeedOfSmallest);
  CHECK(parsed("exponential", 1000 * kSecond).draw(rng) == 18832003322);
}

TEST_CASE("a shape that reaches beyond the end of time is refused") {
  std::string error;
  CHECK(!Distribution::parse("pareto:1:1000000000", 1000 * kSecond, error));
  CHECK(error.starts_with("\"pareto:1:1000000000\" reaches beyond 35 years with that mean; "));
  CHECK(Distribution::parse("pareto:0.1:1000000000", 1000 * kSecond, error));
  CHECK(Distribution::parse("pareto:10:1000000000", kSecond, error));
  CHECK(!Distribution::parse("pareto:10:1000000000", 2 * kSecond, error));
}

TEST_CASE("shapes, as they are written") {
  CHECK(parsed("exponential", 5).mean() == 5);
  for (const char* text :
       {"exponential", "deterministic", "pareto:0.1:2", "pareto:10:1000000000", "pareto:1.125:7",
        "hyperexponential:1", "hyperexponential:1000", "hyperexponential:2.5"})
    CHECK(parsed(text).mean() == kSecond);
}

TEST_CASE("what is no shape is refused with what is allowed") {
  struct Wrong {
    const char* text;
    const char* what;
  };
  constexpr char kAllowed[] =
      "; allowed: exponential, deterministic, pareto:ALPHA:RATIO (0.1 ... 10, 2 ... 10^9), "
      "hyperexponential:CV2 (1 ... 1000)";
  for (const Wrong& wrong : {Wrong{"", "is no distribution"},
                             Wrong{"Exponential", "is no distribution"},
                             Wrong{"exponential:", "is no distribution"},
                             Wrong{"exponential:2", "is no distribution"},
                             Wrong{"deterministic ", "is no distribution"},
                             Wrong{":", "is no distribution"},
                             Wrong{"weibull:2", "is no distribution"},
                             Wrong{"pareto", "is no distribution"},
                             Wrong{"pareto:1.5", "is no distribution"},
                             Wrong{"pareto::", "has no such ALPHA"},
                             Wrong{"pareto:0.099:10", "has no such ALPHA"},
                             Wrong{"pareto:10.001:10", "has no such ALPHA"},
                             Wrong{"pareto:-1:10", "has no such ALPHA"},
                             Wrong{"pareto:1.0005:10", "has no such ALPHA"},
                             Wrong{"pareto:x:10", "has no such ALPHA"},
                             Wrong{"pareto:1.5:", "has no such RATIO"},
                             Wrong{"pareto:1.5:1", "has no such RATIO"},
                             Wrong{"pareto:1.5:1000000001", "has no such RATIO"},
                             Wrong{"pareto:1.5:2.5", "has no such RATIO"},
                             Wrong{"pareto:1.5:10:3", "has no such RATIO"},
                             Wrong{"hyperexponential", "is no distribution"},
                             Wrong{"hyperexponential:", "has no such CV2"},
                             Wrong{"hyperexponential:0.999", "has no such CV2"},
                             Wrong{"hyperexponential:1000.001", "has no such CV2"},
                             Wrong{"hyperexponential:4:4", "has no such CV2"}}) {
    std::string error;
    CAPTURE(wrong.text);
    CHECK(!Distribution::parse(wrong.text, kSecond, error));
    CHECK(error == "\"" + std::string(wrong.text) + "\" " + wrong.what + kAllowed);
  }
}

TEST_CASE("the first draws are the same on every machine") {
  using Draws = std::vector<core::Duration>;
  CHECK(first("exponential") == Draws{352509, 653087, 554941, 938207, 360713, 1940918});
  CHECK(first("pareto:1.5:1000") == Draws{773069, 561797, 608051, 479246, 763264, 381673});
  CHECK(first("pareto:1:1000000") == Draws{243646, 150933, 169953, 118918, 239025, 84516});
  CHECK(first("hyperexponential:4") == Draws{368019, 528687, 1093723, 543487, 335136, 193980});
}
