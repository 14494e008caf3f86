#include "policies/registry.h"

#include "tests/catch.h"

namespace {

using Names = std::vector<std::string>;

TEST_CASE("the registry lists every policy by name") {
  CHECK(policies::transfer_names() == Names{"threshold", "dual_threshold", "lookahead", "never"});
  CHECK(policies::selection_names() == Names{"newest_waiting", "oldest_waiting", "smallest"});
  CHECK(policies::location_names() == Names{"random", "threshold", "shortest", "receiver",
                                            "symmetric", "adaptive", "push", "pull", "late_binding",
                                            "best"});
  CHECK(policies::information_names() == Names{"on_demand", "piggyback", "periodic"});
}

TEST_CASE("the default configuration is good") {
  CHECK(policies::check({}) == std::nullopt);
}

TEST_CASE("an unknown name is an error that lists the known ones") {
  core::PolicyConfig config;
  config.transfer = "treshold";
  CHECK(policies::check(config) ==
        "unknown transfer policy \"treshold\"; known are threshold, dual_threshold, lookahead, "
        "never");
  config = {};
  config.selection = "";
  CHECK(policies::check(config) ==
        "unknown selection policy \"\"; known are newest_waiting, oldest_waiting, smallest");
  config = {};
  config.location = "Random";
  CHECK(policies::check(config) ==
        "unknown location policy \"Random\"; known are random, threshold, shortest, receiver, "
        "symmetric, adaptive, push, pull, late_binding, best");
  config = {};
  config.information = "random";
  CHECK(policies::check(config) ==
        "unknown information policy \"random\"; known are on_demand, piggyback, periodic");
}

TEST_CASE("dual_threshold with low >= high is an error, other policies do not mind") {
  core::PolicyConfig config;
  config.transfer = "dual_threshold";
  config.low = 1499;
  config.high = 1500;
  CHECK(policies::check(config) == std::nullopt);
  config.low = 1500;
  CHECK(policies::check(config) ==
        "dual_threshold needs low < high, but low is 1.500 and high is 1.500");
  config.low = 2000;
  CHECK(policies::check(config) ==
        "dual_threshold needs low < high, but low is 2.000 and high is 1.500");
  config.transfer = "threshold";
  CHECK(policies::check(config) == std::nullopt);
}

TEST_CASE("periodic without an interval or a fanout is an error, other policies do not mind") {
  core::PolicyConfig config;
  config.information = "periodic";
  CHECK(policies::check(config) == std::nullopt);
  config.information_interval = 0;
  CHECK(policies::check(config) == "periodic needs information_interval > 0");
  config.information_interval = 1;
  config.information_fanout = 0;
  CHECK(policies::check(config) == "periodic needs information_fanout > 0");
  config.information = "piggyback";
  CHECK(policies::check(config) == std::nullopt);
}

TEST_CASE("the presets set the four policies and the default thresholds") {
  struct Expected {
    std::string name, transfer, location, selection = "newest_waiting";
  };
  const std::vector<Expected> all = {
      {"none", "never", "threshold"},
      {"random", "threshold", "random"},
      {"sender", "threshold", "shortest"},
      {"receiver", "threshold", "receiver"},
      {"symmetric", "threshold", "symmetric"},
      {"adaptive", "dual_threshold", "adaptive"},
      {"push", "threshold", "push"},
      {"pull", "threshold", "pull"},
      {"late_binding", "threshold", "late_binding", "oldest_waiting"},
      {"best", "lookahead", "best", "oldest_waiting"},
  };
  Names names;
  for (const Expected& expected : all) {
    names.push_back(expected.name);
    const auto config = policies::preset(expected.name);
    REQUIRE(config);
    CHECK(config->transfer == expected.transfer);
    CHECK(config->selection == expected.selection);
    CHECK(config->location == expected.location);
    CHECK(config->information == "on_demand");
    CHECK(config->threshold == 1000);
    CHECK(config->low == 1000);
    CHECK(config->high == 1500);
    CHECK(policies::check(*config) == std::nullopt);
    const core::PolicySet set = policies::make_policies(*config);
    CHECK((set.transfer && set.selection && set.location && set.information));
  }
  CHECK(policies::preset_names() == names);
  CHECK(policies::preset("shortest") == std::nullopt);
}

}  // namespace
