#include "tests/core/transcript_words.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <utility>

namespace core_test {
namespace {

// The value among `count` of an enum that to_string() calls so.
template <typename Enum>
Enum parse_enum(const char* kind, std::string word, std::size_t count) {
  std::replace(word.begin(), word.end(), '_', ' ');
  std::string known;
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<Enum>(i);
    if (word == core::to_string(value)) return value;
    known += std::string(i == 0 ? "" : ", ") + core::to_string(value);
  }
  throw WordError{"no " + std::string(kind) + " is called \"" + word + "\"; known are " + known};
}

}  // namespace

std::string letter_of(core::PeerId peer) {
  const std::uint64_t number = core::value(peer);
  if (number == 0) return "nobody";
  if (number > 26) return "peer" + std::to_string(number);
  return std::string(1, static_cast<char>('a' + number - 1));
}

std::uint64_t parse_number(const std::string& word) {
  std::uint64_t number = 0;
  const char* end = word.data() + word.size();
  const auto result = std::from_chars(word.data(), end, number);
  if (result.ec != std::errc() || result.ptr != end) throw WordError{"no number: " + word};
  return number;
}

core::Duration parse_duration(const std::string& word) {
  static const std::pair<const char*, core::Duration> kUnits[] = {
      {"us", 1}, {"ms", core::kMillisecond}, {"s", core::kSecond}, {"h", 3600 * core::kSecond}};
  if (word == "0") return 0;
  const std::size_t digits = std::min(word.find_first_not_of("0123456789"), word.size());
  for (const auto& [unit, duration] : kUnits)
    if (word.substr(digits) == unit)
      return static_cast<core::Duration>(parse_number(word.substr(0, digits))) * duration;
  throw WordError{"no duration (us, ms, s or h): " + word};
}

core::Load parse_load(const std::string& word) {
  const std::size_t point = word.find('.');
  auto load = static_cast<core::Load>(parse_number(word.substr(0, point)) * 1000);
  if (point == std::string::npos) return load;
  std::string fraction = word.substr(point + 1);
  if (fraction.size() > 3) throw WordError{"no load, it has three decimals: " + word};
  fraction.resize(3, '0');
  return load + static_cast<core::Load>(parse_number(fraction));
}

core::PeerId parse_peer(const std::string& word) {
  if (word.size() != 1 || word[0] < 'a' || word[0] > 'z') throw WordError{"no peer: " + word};
  return peer_of(word[0]);
}

core::TaskId parse_task(const std::string& word) {
  const std::size_t point = word.find('.');
  if (point == std::string::npos) throw WordError{"no task, as a.1 is one: " + word};
  return {parse_peer(word.substr(0, point)), parse_number(word.substr(point + 1))};
}

core::Role parse_role(const std::string& word) {
  return parse_enum<core::Role>("role", word, 3);
}

core::Veto parse_veto(const std::string& word) {
  return parse_enum<core::Veto>("veto", word, core::kVetoes);
}

core::TaskState parse_state(const std::string& word) {
  return parse_enum<core::TaskState>("state", word,
                                     static_cast<std::size_t>(core::TaskState::unknown) + 1);
}

core::ExitStatus parse_status(const std::string& word) {
  using Kind = core::ExitStatus::Kind;
  const std::size_t underscore = word.find('_');
  const std::string kind = word.substr(0, underscore);
  const std::string value = underscore == std::string::npos ? "0" : word.substr(underscore + 1);
  static const std::pair<const char*, Kind> kKinds[] = {{"exit", Kind::exited},
                                                        {"signal", Kind::signaled},
                                                        {"cancelled", Kind::cancelled},
                                                        {"failed", Kind::failed},
                                                        {"lost", Kind::lost}};
  for (const auto& [name, known] : kKinds)
    if (kind == name) return {known, static_cast<std::int32_t>(parse_number(value))};
  throw WordError{"no exit status: " + word};
}

Words::Words(const std::string& text) {
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos)
      plain_.push_back(word);
    else if (!options_.emplace(word.substr(0, equals), word.substr(equals + 1)).second)
      throw WordError{"given twice: " + word.substr(0, equals)};
  }
  std::reverse(plain_.begin(), plain_.end());
}

std::string Words::next() {
  if (plain_.empty()) throw WordError{"a word is missing at the end"};
  std::string word = std::move(plain_.back());
  plain_.pop_back();
  return word;
}

bool Words::take(const std::string& word) {
  if (plain_.empty() || plain_.back() != word) return false;
  plain_.pop_back();
  return true;
}

std::map<std::string, std::string> Words::take_options() {
  return std::exchange(options_, {});
}

void Words::expect_end() const {
  if (!plain_.empty()) throw WordError{"not understood: " + plain_.back()};
  if (!options_.empty()) throw WordError{"not understood: " + options_.begin()->first + "="};
}

}  // namespace core_test
