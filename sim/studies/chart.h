// Figures as gnuplot scripts that hold their data: running one writes NAME.svg and NAME.png.
#pragma once

#include <string>
#include <vector>

#include "sim/studies/study.h"

namespace sim::studies {

// One quantity over x, a curve for each series: formulas as plain lines, simulations with points.
struct Panel {
  std::string panel;  // of the rows
  std::string quantity;
  std::string title;
  std::string y_label;
  double y_max = 0;  // what is above it is cut off; 0: nothing
  double y_min = 0;
  bool y_is_logarithmic = false;
};

struct LineChart {
  std::string name;
  std::string title;
  std::string x_label;
  std::vector<Panel> panels;
  std::size_t columns = 2;
  bool is_spread_evenly = false;  // over the values of x, whatever lies between them
};
std::string script(const LineChart& chart, const std::vector<Row>& rows);

// One colour for each series (upwards) and x (to the right), and its value in it.
struct HeatMap {
  std::string name;
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<std::string> x_names;
  std::vector<std::string> y_names;
  std::vector<std::vector<double>> values;  // [y][x]
};
std::string script(const HeatMap& map);

// Runs gnuplot on DIRECTORY/NAME.gp there. On failure returns false, and `error` says what to do.
bool draw(const std::string& directory, const std::string& name, std::string& error);

}  // namespace sim::studies
