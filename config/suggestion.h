// What a misspelt word was probably meant to be.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace config {

// How many letters must be inserted, deleted or replaced to make one of the other.
std::size_t edit_distance(const std::string& a, const std::string& b);

// The first of the nearest `words`, if it is near enough to be meant.
std::optional<std::string> nearest(const std::string& word, const std::vector<std::string>& words);

}  // namespace config
