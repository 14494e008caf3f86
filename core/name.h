// A peer's name as its news carry it: immutable, and in 16 bytes if it is short, since a peer keeps
// one for each peer that it knows.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace core {

class Name {
 public:
  Name() = default;
  Name(std::string_view text);
  Name(const std::string& text) : Name(std::string_view(text)) {}
  Name(const char* text) : Name(std::string_view(text)) {}
  Name(const Name& other) : Name(std::string_view(other)) {}
  Name(Name&& other) noexcept : bytes_(other.bytes_) { other.bytes_ = {}; }
  Name& operator=(const Name& other);
  Name& operator=(Name&& other) noexcept;
  ~Name();

  operator std::string_view() const;
  std::string text() const { return std::string(std::string_view(*this)); }
  bool operator==(const Name& other) const {
    return std::string_view(*this) == std::string_view(other);
  }

 private:
  static constexpr std::size_t kShort = 15;
  static constexpr char kLong = kShort + 1;

  std::string* long_text() const;

  // The last byte is the length, or kLong: then the first ones are a pointer to a string.
  std::array<char, kShort + 1> bytes_{};
};

}  // namespace core
