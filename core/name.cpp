#include "core/name.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace core {

Name::Name(std::string_view text) {
  if (text.size() <= kShort) {
    std::copy(text.begin(), text.end(), bytes_.begin());
    bytes_.back() = static_cast<char>(text.size());
    return;
  }
  std::string* const stored = new std::string(text);
  std::memcpy(bytes_.data(), &stored, sizeof stored);
  bytes_.back() = kLong;
}

Name& Name::operator=(const Name& other) {
  Name copy(other);
  std::swap(bytes_, copy.bytes_);
  return *this;
}

Name& Name::operator=(Name&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

Name::~Name() {
  if (bytes_.back() == kLong) delete long_text();
}

Name::operator std::string_view() const {
  if (bytes_.back() == kLong) return *long_text();
  return {bytes_.data(), static_cast<std::size_t>(bytes_.back())};
}

std::string* Name::long_text() const {
  std::string* stored = nullptr;
  std::memcpy(&stored, bytes_.data(), sizeof stored);
  return stored;
}

}  // namespace core
