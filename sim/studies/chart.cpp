#include "sim/studies/chart.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "sim/studies/table.h"

namespace sim::studies {
namespace {

constexpr std::size_t kPanelWidth = 520, kPanelHeight = 400, kTitleHeight = 40, kKeyHeight = 50;

// For lines on white, told apart by the colour-blind (Okabe and Ito), and grey.
constexpr const char* kColours[] = {"#000000", "#d55e00", "#0072b2", "#009e73", "#cc79a7",
                                    "#e69f00", "#56b4e9", "#888888", "#8b4513", "#6a3d9a"};

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? "''" : std::string(1, c);
  return result + "'";
}

std::string begin(const std::string& name, std::size_t width, std::size_t height) {
  return fmt::format(
      "do for [type in 'svg png'] {{\n"
      "if (type eq 'svg') {{\n"
      "  set terminal svg size {0},{1} font 'DejaVu Sans,13' background 'white' noenhanced\n"
      "}} else {{\n"
      "  set terminal pngcairo size {0},{1} font 'DejaVu Sans,10' background 'white' noenhanced\n"
      "}}\n"
      "set output {2}.type\n",
      width, height, quoted(name + "."));
}

constexpr char kEnd[] = "unset output\n}\n";

std::string data_name(std::size_t panel, std::size_t series) {
  return fmt::format("$data_{}_{}", panel, series);
}

std::vector<Row> rows_of(const std::vector<Row>& rows, const Panel& panel,
                         const std::string& series) {
  std::vector<Row> found;
  for (const Row& row : rows)
    if (row.panel == panel.panel && row.series == series && row.has(panel.quantity))
      found.push_back(row);
  std::stable_sort(found.begin(), found.end(),
                   [](const Row& a, const Row& b) { return a.x < b.x; });
  return found;
}

std::string place(const LineChart& chart, const std::vector<Row>& rows, double x) {
  if (!chart.is_spread_evenly) return number(x);
  const std::vector<double> xs = xs_of(rows);
  return fmt::format("{}", std::find(xs.begin(), xs.end(), x) - xs.begin());
}

std::string data(const LineChart& chart, const std::vector<Row>& rows) {
  std::string text;
  for (std::size_t i = 0; i < chart.panels.size(); ++i) {
    const std::vector<std::string> all = series_of(rows, chart.panels[i].panel);
    for (std::size_t j = 0; j < all.size(); ++j) {
      text += data_name(i, j) + " << EOD\n";
      for (const Row& row : rows_of(rows, chart.panels[i], all[j])) {
        const Estimate& value = row.values.at(chart.panels[i].quantity);
        text += fmt::format("{} {}\n", place(chart, rows, row.x), number(value.mean));
      }
      text += "EOD\n";
    }
  }
  return text;
}

std::string curves(const LineChart& chart, const std::vector<Row>& rows, std::size_t panel) {
  std::string text;
  const std::vector<std::string> all = series_of(rows, chart.panels[panel].panel);
  for (std::size_t j = 0; j < all.size(); ++j) {
    const std::vector<Row> own = rows_of(rows, chart.panels[panel], all[j]);
    if (own.empty()) continue;
    const char* colour = kColours[j % std::size(kColours)];
    const std::string style =
        own.front().is_formula
            ? fmt::format("with lines dashtype 2 linewidth 2 linecolor rgb '{}'", colour)
            : fmt::format(
                  "with linespoints pointtype {} pointsize 0.6 linewidth 2 linecolor rgb "
                  "'{}'",
                  5 + j % 9, colour);
    text += fmt::format("{}  {} using 1:2 {} title {}", text.empty() ? "plot \\\n" : ", \\\n",
                        data_name(panel, j), style, quoted(all[j]));
  }
  return text + "\n";
}

std::string names_as_tics(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", quoted(names[i]), i);
  return "(" + text + ")";
}

std::vector<std::string> numbers(const std::vector<double>& values) {
  std::vector<std::string> texts;
  for (const double value : values) texts.push_back(number(value));
  return texts;
}

std::string x_axis(const LineChart& chart, const std::vector<Row>& rows) {
  if (!chart.is_spread_evenly) return "";
  const std::vector<double> xs = xs_of(rows);
  return fmt::format("set xtics {}\nset xrange [-0.3:{}]\n", names_as_tics(numbers(xs)),
                     number(static_cast<double>(xs.size()) - 0.7));
}

// The least and the largest value; nothing where there is none.
std::optional<std::pair<double, double>> extent(const std::vector<Row>& rows, const Panel& panel) {
  std::optional<std::pair<double, double>> found;
  for (const Row& row : rows) {
    if (row.panel != panel.panel || !row.has(panel.quantity)) continue;
    const double value = row.values.at(panel.quantity).mean;
    if (!found) found = {value, value};
    *found = std::minmax({found->first, found->second, value});
  }
  return found;
}

// Where all values are equal gnuplot finds no range of its own, and complains.
std::string y_range(const Panel& panel, const std::vector<Row>& rows) {
  const bool is_logarithmic = panel.y_is_logarithmic;
  std::string from = is_logarithmic && panel.y_min <= 0 ? "*" : number(panel.y_min);
  std::string to = panel.y_max > 0 ? number(panel.y_max) : "*";
  const auto values = extent(rows, panel);
  if (values && values->first == values->second && panel.y_max <= 0) {
    const double value = values->first;
    from = number(is_logarithmic ? value / 2 : std::min(panel.y_min, value));
    to = number(is_logarithmic ? value * 2 : value + 1);
  }
  return fmt::format("[{}:{}]", from, to);
}

std::string axes(const LineChart& chart, const Panel& panel, const std::vector<Row>& rows) {
  const std::string text = fmt::format(
      "set title {}\nset xlabel {}\nset ylabel {}\n{} logscale y\n", quoted(panel.title),
      quoted(chart.x_label), quoted(panel.y_label), panel.y_is_logarithmic ? "set" : "unset");
  return text + "set yrange " + y_range(panel, rows) + "\n";
}

std::string colour_range(const HeatMap& map) {
  double least = map.values.at(0).at(0), largest = least;
  for (const std::vector<double>& line : map.values)
    for (const double value : line) {
      least = std::min(least, value);
      largest = std::max(largest, value);
    }
  if (least < largest) return "";
  return fmt::format("set cbrange [{}:{}]\n", number(least - 1), number(largest + 1));
}

}  // namespace

std::string script(const LineChart& chart, const std::vector<Row>& rows) {
  const std::size_t lines = (chart.panels.size() + chart.columns - 1) / chart.columns;
  std::string text = data(chart, rows);
  const auto columns = static_cast<double>(chart.columns);
  text += begin(chart.name, chart.columns * kPanelWidth,
                lines * kPanelHeight + kTitleHeight + kKeyHeight);
  // Below all panels there is room for the one key.
  const auto height = static_cast<double>(lines * kPanelHeight + kTitleHeight + kKeyHeight);
  text += fmt::format(
      "set multiplot layout {},{} title {} margins {:.3f},{:.3f},{:.3f},{:.3f} spacing "
      "{:.3f},{:.3f}\n",
      lines, chart.columns, quoted(chart.title), 0.15 / columns, 1 - 0.04 / columns,
      (kKeyHeight + 55) / height, 1 - (kTitleHeight + 25) / height, 0.18 / columns, 95 / height);
  text += "set grid\n" + x_axis(chart, rows);
  for (std::size_t i = 0; i < chart.panels.size(); ++i) {
    text += i == 0 ? "set key at screen 0.5,0.01 center bottom vertical maxrows 2 samplen 2\n"
                   : "unset key\n";
    text += axes(chart, chart.panels[i], rows) + curves(chart, rows, i);
  }
  return text + "unset multiplot\n" + kEnd;
}

std::string script(const HeatMap& map) {
  std::string text = "$map << EOD\n";
  for (std::size_t y = 0; y < map.values.size(); ++y)
    for (std::size_t x = 0; x < map.values[y].size(); ++x)
      text += fmt::format("{} {} {}\n", x, y, number(map.values[y][x]));
  text += "EOD\n";
  text += begin(map.name, 180 + map.x_names.size() * 90, 160 + map.y_names.size() * 60);
  text += fmt::format(
      "unset key\nset title {}\nset xlabel {}\nset ylabel {}\nset xtics {}\nset ytics {}\n"
      "set xrange [-0.5:{}]\nset yrange [-0.5:{}]\n"
      "set palette defined (0 '#1a9850', 1 '#ffffbf', 2 '#d73027')\n{}"
      "plot $map using 1:2:3 with image, \\\n"
      "  $map using 1:2:(sprintf('%.3g', $3)) with labels\n",
      quoted(map.title), quoted(map.x_label), quoted(map.y_label), names_as_tics(map.x_names),
      names_as_tics(map.y_names), number(static_cast<double>(map.x_names.size()) - 0.5),
      number(static_cast<double>(map.y_names.size()) - 0.5), colour_range(map));
  return text + kEnd;
}

bool draw(const std::string& directory, const std::string& name, std::string& error) {
  const std::string file = name + ".gp";
  // The script writes beside itself.
  const std::string command =
      "cd \"$0\" || exit 1; command -v gnuplot >/dev/null || exit 127; gnuplot \"$1\"";
  const char* const arguments[] = {"sh",         "-c",   command.c_str(), directory.c_str(),
                                   file.c_str(), nullptr};
  pid_t child = 0;
  int status = 0;
  const int failed = ::posix_spawn(&child, "/bin/sh", nullptr, nullptr,
                                   const_cast<char* const*>(arguments), environ);
  if (failed == 0) ::waitpid(child, &status, 0);
  if (failed == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  const bool is_missing = failed == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127;
  error = (is_missing ? "gnuplot is not installed (package gnuplot-nox)" : "gnuplot failed") +
          std::string("; the chart can be drawn later: cd ") + directory + " && gnuplot " + file;
  return false;
}

}  // namespace sim::studies
