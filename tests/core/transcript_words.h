// A command's words: plain ones, taken in order, and `key=value` options, taken by name. Whatever
// is not understood or not taken is an error: a script says nothing in vain.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/types.h"

namespace core_test {

// What is wrong with a command, without its place.
struct WordError {
  std::string text;
};

constexpr core::PeerId peer_of(char letter) {
  return core::PeerId{static_cast<std::uint64_t>(letter - 'a' + 1)};
}
std::string letter_of(core::PeerId peer);

std::uint64_t parse_number(const std::string& word);
core::Duration parse_duration(const std::string& word);  // "100ms", "5s", "2h", "0"
core::Load parse_load(const std::string& word);          // "2", "1.5"
core::PeerId parse_peer(const std::string& word);        // "b"
core::TaskId parse_task(const std::string& word);        // "a.1"
core::Role parse_role(const std::string& word);
core::Veto parse_veto(const std::string& word);  // with "_" for a space
core::TaskState parse_state(const std::string& word);
core::ExitStatus parse_status(const std::string& word);  // "exit_3", "signal_9", "lost"

class Words {
 public:
  explicit Words(const std::string& text);

  bool empty() const { return plain_.empty(); }
  std::string next();
  // Takes the next plain word if it is that.
  bool take(const std::string& word);

  template <typename Parse, typename Value>
  Value option(const std::string& key, Parse parse, Value otherwise) {
    const auto found = options_.find(key);
    if (found == options_.end()) return otherwise;
    const auto value = static_cast<Value>(parse(found->second));
    options_.erase(found);
    return value;
  }
  std::map<std::string, std::string> take_options();
  void expect_end() const;

 private:
  std::vector<std::string> plain_;  // last first
  std::map<std::string, std::string> options_;
};

}  // namespace core_test
