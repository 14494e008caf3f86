#include "sim/studies/study.h"

#include <algorithm>
#include <atomic>
#include <thread>

namespace sim::studies {
namespace {

struct Unit {
  std::size_t point;
  std::uint32_t replication;
};

// The long ones first, so that no thread is left with one of them at the end.
std::vector<Unit> units_of(const std::vector<Point>& points) {
  std::vector<Unit> units;
  for (std::size_t i = 0; i < points.size(); ++i)
    for (std::uint32_t r = 0; r < points[i].experiment.replications; ++r) units.push_back({i, r});
  const auto tasks = [&](const Unit& unit) {
    const Experiment& experiment = points[unit.point].experiment;
    return experiment.warm_up + experiment.tasks;
  };
  std::stable_sort(units.begin(), units.end(),
                   [&](const Unit& a, const Unit& b) { return tasks(a) > tasks(b); });
  return units;
}

Row row_of(const Point& point, const Result& result) {
  Row row{point.panel, point.series, point.x, false, {}};
  for (const Quantity& quantity : quantities()) row.values[quantity.name] = result[quantity.name];
  return row;
}

template <typename Value>
void add_new(std::vector<Value>& values, const Value& value) {
  if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
}

}  // namespace

std::vector<Row> run(const Study& study, unsigned jobs, const Progress& progress) {
  std::vector<Result> results(study.points.size());
  for (std::size_t i = 0; i < results.size(); ++i)
    results[i].replications.resize(study.points[i].experiment.replications);
  const std::vector<Unit> units = units_of(study.points);
  std::atomic<std::size_t> next = 0, done = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < units.size(); i = next++) {
      const auto [point, replication] = units[i];
      results[point].replications[replication] =
          replicate(study.points[point].experiment, replication);
      if (progress) progress(static_cast<double>(++done) / static_cast<double>(units.size()));
    }
  };
  std::vector<std::jthread> threads;
  for (std::size_t i = 1; i < std::min<std::size_t>(jobs, units.size()); ++i)
    threads.emplace_back(work);
  work();
  threads.clear();
  std::vector<Row> rows = study.formulas;
  for (std::size_t i = 0; i < results.size(); ++i)
    rows.push_back(row_of(study.points[i], results[i]));
  return rows;
}

const Row* find(const std::vector<Row>& rows, const std::string& panel, const std::string& series,
                double x) {
  for (const Row& row : rows)
    if (row.panel == panel && row.series == series && row.x == x) return &row;
  return nullptr;
}

std::vector<std::string> series_of(const std::vector<Row>& rows, const std::string& panel) {
  std::vector<std::string> series;
  for (const Row& row : rows)
    if (row.panel == panel) add_new(series, row.series);
  return series;
}

std::vector<double> xs_of(const std::vector<Row>& rows) {
  std::vector<double> xs;
  for (const Row& row : rows) add_new(xs, row.x);
  std::sort(xs.begin(), xs.end());
  return xs;
}

}  // namespace sim::studies
