#include "peerd/ctl/options.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace po = boost::program_options;

namespace peerctl {
namespace {

// Abbreviations would change their meaning with the next option that is added.
constexpr int kStyle = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;

bool takes_value(const po::options_description& options, const std::string& word) {
  const bool is_long = word.starts_with("--");
  if (is_long && word.find('=') != std::string::npos) return false;
  const po::option_description* option =
      options.find_nothrow(is_long ? word.substr(2) : word, false, false, false);
  return option != nullptr && option->semantic()->max_tokens() > 0;
}

bool is_option(const std::string& word) {
  return word.size() > 1 && word[0] == '-';
}

// How many of the first words are options and their values.
std::size_t leading_options(const Words& words, const po::options_description& options) {
  std::size_t end = 0;
  while (end < words.size() && is_option(words[end]) && words[end] != "--") {
    end += takes_value(options, words[end]) ? 2 : 1;
  }
  return std::min(end, words.size());
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, changed});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> Parsed::text(const char* name) const {
  if (!has(name)) return std::nullopt;
  return values[name].as<std::string>();
}

Words Parsed::texts(const char* name) const {
  return has(name) ? values[name].as<Words>() : Words();
}

Result<Parsed> parse(const Words& words, const po::options_description& options, Reach reach) {
  const auto first_separator = std::find(words.begin(), words.end(), "--");
  auto end = reach == Reach::all_words
                 ? first_separator
                 : words.begin() + static_cast<std::ptrdiff_t>(leading_options(words, options));
  Parsed parsed;
  try {
    const po::parsed_options result =
        po::command_line_parser(Words(words.begin(), end)).options(options).style(kStyle).run();
    if (reach == Reach::all_words) {
      parsed.rest = po::collect_unrecognized(result.options, po::include_positional);
    }
    po::store(result, parsed.values);
  } catch (const po::error& error) {
    return Problem{kExitUsage, error.what()};
  }
  if (end != words.end() && *end == "--") ++end;
  parsed.rest.insert(parsed.rest.end(), end, words.end());
  return parsed;
}

std::string_view closest(std::string_view word, const std::vector<std::string_view>& known) {
  std::string_view best;
  std::size_t best_distance = 3;  // more than two slips are another word
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance >= best_distance || distance >= candidate.size()) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

}  // namespace peerctl
