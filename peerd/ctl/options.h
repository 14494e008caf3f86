// Command lines: where a verb's options end and another program's begin, and their values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/program_options.hpp>

#include "peerd/ctl/exits.h"

namespace peerctl {

using Words = std::vector<std::string>;

struct Parsed {
  boost::program_options::variables_map values;
  Words rest;

  bool has(const char* name) const { return values.count(name) != 0; }
  std::optional<std::string> text(const char* name) const;
  Words texts(const char* name) const;
};

enum class Reach {
  first_word,  // options end at the first other word or at "--": a command follows
  all_words    // options may stand anywhere before "--"
};

Result<Parsed> parse(const Words& words, const boost::program_options::options_description& options,
                     Reach reach);

// The one of `known` that was probably meant, or empty.
std::string_view closest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace peerctl
