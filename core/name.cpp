#include "core/name.h"

#include <algorithm>
#include <cstring>

namespace core {

Name::Name(std::string_view text) {
  if (text.size() <= kShort) {
    std::copy(text.begin(), text.end(), bytes_.begin());
    bytes_.back() = static_cast<char>(text.size());
    return;
  }
  store(text);
}

void Name::store(std::string_view text) {
  std::string* const stored = new std::string(text);
  std::memcpy(bytes_.data(), &stored, sizeof stored);
  bytes_.back() = kLong;
}

std::string* Name::long_text() const {
  std::string* stored = nullptr;
  std::memcpy(&stored, bytes_.data(), sizeof stored);
  return stored;
}

}  // namespace core
