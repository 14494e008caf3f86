#include "sim/studies/table.h"

#include <fmt/format.h>

#include <algorithm>

namespace sim::studies {

std::string number(double value) {
  return fmt::format("{:.6g}", value);
}

std::string csv(const Columns& columns, const std::vector<Row>& rows) {
  std::string text;
  if (!columns.panel.empty()) text += columns.panel + ",";
  text += columns.series + "," + columns.x + ",kind";
  for (const Quantity& quantity : quantities())
    text += fmt::format(",{0},{0}_half_width_95", quantity.name);
  text += "\n";
  for (const Row& row : rows) {
    if (!columns.panel.empty()) text += row.panel + ",";
    text += fmt::format("{},{},{}", row.series, number(row.x),
                        row.is_formula ? "formula" : "simulated");
    for (const Quantity& quantity : quantities()) {
      const auto found = row.values.find(quantity.name);
      const bool known = found != row.values.end();
      const bool repeated = known && found->second.half_width >= 0;
      text += "," + (known ? number(found->second.mean) : "");
      text += "," + (repeated ? number(found->second.half_width) : "");
    }
    text += "\n";
  }
  return text;
}

std::string markdown(const std::vector<Row>& rows, const std::string& panel,
                     const std::string& quantity, const std::string& x_title,
                     const std::vector<double>& xs) {
  std::string head = "| " + x_title + " |", rule = "| --- |", body;
  for (const double x : xs) {
    head += " " + number(x) + " |";
    rule += " ---: |";
  }
  for (const std::string& series : series_of(rows, panel)) {
    const bool has_it = std::any_of(rows.begin(), rows.end(), [&](const Row& row) {
      return row.panel == panel && row.series == series && row.has(quantity);
    });
    if (!has_it) continue;
    body += "| " + series + " |";
    for (const double x : xs) {
      const Row* row = find(rows, panel, series, x);
      const bool known = row != nullptr && row->has(quantity);
      body += known ? fmt::format(" {:.4g} |", row->values.at(quantity).mean) : " |";
    }
    body += "\n";
  }
  return head + "\n" + rule + "\n" + body;
}

}  // namespace sim::studies
