// A study's rows as text.
#pragma once

#include <string>
#include <vector>

#include "sim/studies/study.h"

namespace sim::studies {

// A line for each row, a column for each quantity and one for its confidence interval's half width;
// what a row does not have is empty.
std::string csv(const Columns& columns, const std::vector<Row>& rows);

// One panel and quantity: a line for each series that has it, a column for each of `xs`.
std::string markdown(const std::vector<Row>& rows, const std::string& panel,
                     const std::string& quantity, const std::string& x_title,
                     const std::vector<double>& xs);

std::string number(double value);  // six digits at most

}  // namespace sim::studies
