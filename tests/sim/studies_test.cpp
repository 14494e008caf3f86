// Studies: formulas against known values, tables and charts from rows, and what the ping-pong study
// exists to show.
#include "sim/studies/studies.h"

#include <algorithm>
#include <cmath>

#include "policies/registry.h"
#include "sim/formulas.h"
#include "sim/studies/chart.h"
#include "sim/studies/table.h"
#include "tests/catch.h"

using namespace sim::studies;

namespace {

bool near(double value, double truth) {
  return std::abs(value - truth) < 0.0001;
}

Row row(const std::string& panel, const std::string& series, double x, double mean,
        bool is_formula = false) {
  return {panel, series, x, is_formula, {{"mean_s", {mean, -1}}}};
}

Base small() {
  Base base;
  base.experiment.nodes = 20;
  base.experiment.tasks = 200;
  base.experiment.warm_up = 20;
  base.experiment.replications = 2;
  base.experiment.config.policy = policies::preset("sender").value();
  base.experiment.config.membership.probe_interval = 3600 * core::kSecond;
  base.experiment.world.link = {.delay_min = 5000,
                                .delay_max = 5000,
                                .stream_latency = core::kSecond / 2,
                                .stream_bytes_per_second = UINT64_MAX};
  base.experiment.world.transfer_cpu_per_task = core::kSecond / 10;
  base.settings = base.defaults = config::default_settings();
  return base;
}

}  // namespace

TEST_CASE("formulas: known values") {
  using namespace sim::formulas;
  CHECK(near(mm1_mean_s(0.95), 20));
  CHECK(near(mm1_p99_s(0.8), 23.0259));
  CHECK(near(mmk_mean_s(1, 0.8), mm1_mean_s(0.8)));
  CHECK(near(mmk_p99_s(1, 0.8), mm1_p99_s(0.8)));
  CHECK(near(mmk_mean_s(2, 0.8), 2.7778));
  CHECK(near(mmk_mean_s(20, 0.8), 1.0640));
  CHECK(near(mmk_mean_s(40, 0.95), 1.3318));
  CHECK(near(mmk_p99_s(40, 0.5), 4.6052));
  CHECK(near(mmk_p99_s(40, 0.8), 4.6223));
  CHECK(near(mmk_p99_s(40, 0.95), 5.1118));
  // Where both exponents are the same, the limit.
  CHECK(near(mmk_p99_s(2, 0.5), (mmk_p99_s(2, 0.4999) + mmk_p99_s(2, 0.5001)) / 2));
}

TEST_CASE("study: rows are the formulas and the points, whoever simulates them") {
  const Study study = ping_pong(small());
  Study few = study;
  few.points.resize(3);
  few.formulas = {row("p", "formula", 1, 2, true)};
  const std::vector<Row> one = run(few, 1), three = run(few, 3);
  REQUIRE(one.size() == 4);
  CHECK(one[0].is_formula);
  CHECK(csv(few.columns, one) == csv(few.columns, three));
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(one[i + 1].series == few.points[i].series);
    const auto alone = sim::run(few.points[i].experiment, 1);
    CHECK(one[i + 1].values.at("mean_s").mean == alone["mean_s"].mean);
    CHECK(one[i + 1].values.at("mean_s").half_width == alone["mean_s"].half_width);
  }
}

TEST_CASE("table: as CSV and as Markdown") {
  std::vector<Row> rows = {row("", "M/M/1", 0.5, 2, true), row("", "none", 0.5, 2.0125),
                           row("", "none", 0.9, 10)};
  rows[2].values["p50_s"] = {7, 0.25};
  const std::string text = csv({"", "policy", "load"}, rows);
  CHECK(text.starts_with(
      "policy,load,kind,mean_s,mean_s_half_width_95,p50_s,p50_s_half_width_95,p90_s"));
  CHECK(text.find("\nM/M/1,0.5,formula,2,,,,") != std::string::npos);
  CHECK(text.find("\nnone,0.9,simulated,10,,7,0.25,") != std::string::npos);
  CHECK(markdown(rows, "", "p50_s", "load", {0.9}) ==
        "| load | 0.9 |\n| --- | ---: |\n| none | 7 |\n");
  CHECK(markdown(rows, "", "mean_s", "load", {0.5, 0.9}) ==
        "| load | 0.5 | 0.9 |\n| --- | ---: | ---: |\n| M/M/1 | 2 | |\n| none | 2.013 | 10 |\n");
}

TEST_CASE("chart: formulas are lines, simulations have points, names cannot break out") {
  const std::vector<Row> rows = {row("", "M/M/1", 0.5, 2, true), row("", "o'none", 0.9, 10),
                                 row("", "o'none", 0.5, 3)};
  const LineChart chart{"name", "title", "x", {{"", "mean_s", "panel", "seconds", 8}}, 1};
  const std::string text = script(chart, rows);
  CHECK(text.find("$data_0_0 << EOD\n0.5 2\nEOD\n") != std::string::npos);
  CHECK(text.find("$data_0_1 << EOD\n0.5 3\n0.9 10\nEOD\n") != std::string::npos);  // by x
  CHECK(text.find("$data_0_0 using 1:2 with lines dashtype 2") != std::string::npos);
  CHECK(text.find("$data_0_1 using 1:2 with linespoints") != std::string::npos);
  CHECK(text.find("title 'o''none'") != std::string::npos);
  CHECK(text.find("set yrange [0:8]") != std::string::npos);
  CHECK(text.find("svg png") != std::string::npos);
}

TEST_CASE("chart: places one after the other, whatever the distance") {
  const std::vector<Row> rows = {row("", "a", 0.01, 1), row("", "a", 0, 2), row("", "a", 1, 3)};
  LineChart chart{"name", "title", "x", {{"", "mean_s", "panel", "seconds"}}, 1, true};
  const std::string text = script(chart, rows);
  CHECK(text.find("EOD\n0 2\n1 1\n2 3\nEOD") != std::string::npos);
  CHECK(text.find("set xtics ('0' 0, '0.01' 1, '1' 2)") != std::string::npos);
}

TEST_CASE("chart: equal values have a range all the same") {
  const auto range_of = [](double value, bool is_logarithmic) {
    const std::vector<Row> rows = {row("", "a", 0, value), row("", "a", 1, value)};
    const Panel panel{"", "mean_s", "panel", "seconds", 0, 0, is_logarithmic};
    const std::string text = script(LineChart{"name", "title", "x", {panel}, 1}, rows);
    const std::size_t at = text.find("set yrange ");
    return text.substr(at, text.find('\n', at) - at);
  };
  CHECK(range_of(0, false) == "set yrange [0:1]");
  CHECK(range_of(3, false) == "set yrange [0:4]");
  CHECK(range_of(3, true) == "set yrange [1.5:6]");
  const HeatMap map{"name", "title", "x", "y", {"1", "2"}, {"1"}, {{5, 5}}};
  CHECK(script(map).find("set cbrange [4:6]\n") != std::string::npos);
}

TEST_CASE("studies: each varies what it says, and every point can be simulated") {
  for (const Entry& one : studies()) {
    const Base base = small();
    const Study study = one.make(base);
    CAPTURE(one.name);
    CHECK(study.name == one.name);
    CHECK(study.points.size() >= 30);
    for (const Point& point : study.points) {
      REQUIRE(!policies::check(point.experiment.config.policy));
      REQUIRE(point.experiment.seed == base.experiment.seed);
    }
    std::vector<Row> rows = study.formulas;
    for (const Point& point : study.points) {
      REQUIRE(find(rows, point.panel, point.series, point.x) == nullptr);  // each place once
      Row made = row(point.panel, point.series, point.x, 1);
      for (const sim::Quantity& quantity : sim::quantities()) made.values[quantity.name] = {1, -1};
      rows.push_back(made);
    }
    CHECK(!study.figure(rows).empty());
    CHECK(study.summary(rows).starts_with("# "));
  }
}

TEST_CASE("ping-pong: seen without safeguards, and gone with each of them and with all") {
  Base base = small();
  base.experiment.tasks = 1000;  // it takes a while to build up
  base.experiment.warm_up = 500;
  Study study = ping_pong(base);
  std::erase_if(study.points,
                [](const Point& point) { return point.panel != "everywhere" || point.x != 0.8; });
  const std::vector<Row> rows = run(study, 2);
  const auto value = [&](const char* safeguard, const char* quantity) {
    const Row* found = find(rows, "everywhere", safeguard, 0.8);
    REQUIRE(found != nullptr);
    return found->values.at(quantity).mean;
  };
  CHECK(value("no safeguard", "moves") > 2);
  CHECK(value("no safeguard", "overhead_s") > 0.2);
  for (const char* safeguard :
       {"reservation", "residence time", "hop limit", "hysteresis", "all together"}) {
    CAPTURE(safeguard);
    CHECK(value(safeguard, "moves") < 1);
    CHECK(value(safeguard, "overhead_s") < 0.1);
    CHECK(value(safeguard, "mean_s") < value("no safeguard", "mean_s"));
  }
}

TEST_CASE("tune: the cheapest setting goes into the file, and messages may have a price") {
  Base base = small();
  base.settings.core.policy = base.experiment.config.policy;
  base.settings.preset = "sender";
  const auto chosen = [](const Base& with) {
    const Study study = tune(with);
    std::vector<Row> rows;
    for (const Point& point : study.points) {
      Row made = row("", point.series, point.x, 0);
      // The more probes the shorter, down to 1 s; the higher the threshold the longer.
      const core::Config& config = point.experiment.config;
      const double probes = config.limits.probe_limit;
      made.values["mean_s"] = {1 + 1 / probes + config.policy.threshold / 1000.0, -1};
      made.values["p99_s"] = {1, -1};
      made.values["messages"] = {4 * probes, -1};
      rows.push_back(made);
    }
    const auto files = study.more(rows);
    REQUIRE(files.size() == 1);
    CHECK(files[0].name == "tune.conf");
    return files[0].content;
  };
  CHECK(chosen(base).find("probe_limit = 12\n") != std::string::npos);
  CHECK(chosen(base).find("preset = sender\n") != std::string::npos);
  base.message_cost = core::kSecond / 10;
  CHECK(chosen(base).find("probe_limit = 2\n") != std::string::npos);
}
