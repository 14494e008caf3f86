// Reads one msgpack value, an array of arrays and plain values, front to back.
//
// Values are read where they lie, once: nothing is stored on the way. The first error sticks; from
// then on every getter returns zero, so that callers check once at the end, after finish().
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace net::codec {

constexpr std::size_t kMaxDepth = 8;        // arrays in arrays
constexpr std::size_t kMaxValues = 32'768;  // in one input; the longest legal table has fewer

class Reader {
 public:
  // Refuses empty and overlong input (beyond `max_bytes`). `input` must outlive the reader and what
  // text() and bytes() return.
  Reader(std::span<const std::uint8_t> input, std::size_t max_bytes);

  bool failed() const { return failed_; }
  const std::string& error() const { return error_; }
  // Keeps the first reason. Requires that it is not empty.
  void fail(std::string reason);
  // Says where the failure lies, from the inside out. Requires failed().
  void locate(const std::string& where) { error_ = where + ": " + error_; }

  bool boolean();
  // Integers of every msgpack width are taken for what they are worth.
  template <typename Integer>
  Integer integer(Integer min, Integer max);
  std::string_view text(std::size_t max_bytes);
  std::span<const std::uint8_t> bytes(std::size_t min_bytes, std::size_t max_bytes);
  // Opens an array; its elements follow. Returns their number.
  std::size_t array(std::size_t max_elements = kMaxValues);
  // Takes a nil if one comes next.
  bool nil();
  // Refuses anything after the first value. Input that is no msgpack value at all (truncated,
  // malformed, too deep, or of types that no message has: floats, maps, extensions) is refused as
  // such, whatever it was refused for so far.
  void finish();

 private:
  enum class Type : std::uint8_t { nil, boolean, natural, negative, text, bytes, array };
  struct Value {
    std::uint64_t bits = 0;  // the number, or the offset of text and bytes in the input
    std::uint32_t size = 0;  // of text and bytes in bytes, of arrays in elements
    Type type = Type::nil;
  };
  struct Number {
    std::uint64_t bits = 0;
    bool negative = false;
  };

  void look_over();
  // The value at position_, which moves on: behind an array's length, not behind its elements.
  Value cut();
  Value cut_long(std::uint8_t lead);
  Value cut_data(Type type, std::size_t size);
  Value cut_array(std::size_t elements);
  Value refuse(const char* reason);
  bool has(std::size_t bytes);  // or the input is truncated
  template <typename Natural>
  Natural big_endian();

  Value next(Type type);
  Number number() {
    const bool is_small = !failed_ && position_ < input_.size() && input_[position_] < 0x80;
    return is_small ? Number{input_[position_++], false} : long_number();
  }
  Number long_number();
  Value mistyped(const Value& value, Type type);
  void fail_range(Number number, const std::string& min, const std::string& max);

  std::span<const std::uint8_t> input_;
  std::size_t position_ = 0;
  bool failed_ = false;
  std::string error_;
};

template <typename Integer>
Integer Reader::integer(Integer min, Integer max) {
  const Number found = number();
  if (failed()) return 0;
  const bool within =
      found.negative
          ? std::cmp_greater_equal(static_cast<std::int64_t>(found.bits), min) &&
                std::cmp_less_equal(static_cast<std::int64_t>(found.bits), max)
          : std::cmp_greater_equal(found.bits, min) && std::cmp_less_equal(found.bits, max);
  if (within) return static_cast<Integer>(found.bits);
  fail_range(found, std::to_string(min), std::to_string(max));
  return 0;
}

}  // namespace net::codec
