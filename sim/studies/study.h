// A study: many experiments side by side, formulas to hold them against, a figure and a summary.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sim/experiment.h"

namespace sim::studies {

// An experiment's place in the figure.
struct Point {
  std::string panel;   // "" where there is one only
  std::string series;  // "sender"
  double x = 0;
  Experiment experiment;
};

// What came of it, or what a formula says in its stead.
struct Row {
  std::string panel;
  std::string series;
  double x = 0;
  bool is_formula = false;
  std::map<std::string, Estimate> values;  // by quantity; a formula has some only

  bool has(const std::string& quantity) const { return values.contains(quantity); }
};

struct File {
  std::string name;
  std::string content;
};

struct Columns {
  std::string panel, series, x;  // what they are called in the table
};

struct Study {
  std::string name;
  Columns columns;
  std::vector<Point> points;
  std::vector<Row> formulas;
  // From all rows, formulas first: a gnuplot script (see chart.h), the summary in Markdown, and
  // what else the study yields.
  std::function<std::string(const std::vector<Row>&)> figure;
  std::function<std::string(const std::vector<Row>&)> summary;
  std::function<std::vector<File>(const std::vector<Row>&)> more = nullptr;
};

// Runs all points, `jobs` replications at once; their order of execution does not show.
std::vector<Row> run(const Study& study, unsigned jobs, const Progress& progress = nullptr);

// The formula's or the experiment's row there; none: nullptr.
const Row* find(const std::vector<Row>& rows, const std::string& panel, const std::string& series,
                double x);
// In the order of their first appearance.
std::vector<std::string> series_of(const std::vector<Row>& rows, const std::string& panel);
std::vector<double> xs_of(const std::vector<Row>& rows);

}  // namespace sim::studies
