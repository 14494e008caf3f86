// A peer's name as its news carry it: immutable, and in 16 bytes if it is short, since a peer keeps
// one for each peer that it knows.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace core {

class Name {
 public:
  Name() = default;
  Name(std::string_view text);
  Name(const std::string& text) : Name(std::string_view(text)) {}
  Name(const char* text) : Name(std::string_view(text)) {}
  Name(const Name& other) : bytes_(other.bytes_) {
    if (is_long()) store(other);
  }
  Name(Name&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Name& operator=(const Name& other) { return *this = Name(other); }
  Name& operator=(Name&& other) noexcept {
    const auto mine = bytes_;  // as a whole: swap() goes byte by byte
    bytes_ = other.bytes_;
    other.bytes_ = mine;
    return *this;
  }
  ~Name() {
    if (is_long()) delete long_text();
  }

  operator std::string_view() const {
    if (is_long()) return *long_text();
    return {bytes_.data(), static_cast<std::size_t>(bytes_.back())};
  }
  std::string text() const { return std::string(std::string_view(*this)); }
  bool operator==(const Name& other) const {
    return std::string_view(*this) == std::string_view(other);
  }

 private:
  static constexpr std::size_t kShort = 15;
  static constexpr char kLong = kShort + 1;

  bool is_long() const { return bytes_.back() == kLong; }
  std::string* long_text() const;
  void store(std::string_view long_text);

  // The last byte is the length, or kLong: then the first ones are a pointer to a string.
  std::array<char, kShort + 1> bytes_{};
};

}  // namespace core
