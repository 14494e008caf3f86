#include "net/codec_reader.h"

#include <algorithm>
#include <cassert>
#include <msgpack.hpp>

namespace net::codec {
namespace {

constexpr std::size_t kUsualValues = 64;  // in a datagram

}  // namespace

// msgpack-c's parser reports values here in the order of the input. Its unpack() is not used: that
// allocates a whole array when it sees the array's length, before it has seen one element.
struct Cutter : msgpack::null_visitor {
  using Type = Reader::Type;

  Reader& reader;
  std::size_t depth = 0;

  explicit Cutter(Reader& target) : reader(target) {}

  bool add(Type type, std::uint64_t bits, std::uint32_t size) {
    if (reader.values_.size() == kMaxValues) return refuse("too many values");
    reader.values_.push_back({bits, size, type});
    return true;
  }
  bool add_bytes(Type type, const char* data, std::uint32_t size) {
    if (size == 0) return add(type, 0, 0);  // msgpack-c may pass nullptr then
    const char* start = reinterpret_cast<const char*>(reader.input_.data());
    return add(type, static_cast<std::uint64_t>(data - start), size);
  }
  bool refuse(const char* reason) {
    reader.fail(reason);
    return false;
  }

  bool visit_nil() { return add(Type::nil, 0, 0); }
  bool visit_boolean(bool value) { return add(Type::boolean, value ? 1u : 0, 0); }
  bool visit_positive_integer(std::uint64_t value) { return add(Type::natural, value, 0); }
  bool visit_negative_integer(std::int64_t value) {
    return add(value < 0 ? Type::negative : Type::natural, static_cast<std::uint64_t>(value), 0);
  }
  bool visit_str(const char* data, std::uint32_t size) { return add_bytes(Type::text, data, size); }
  bool visit_bin(const char* data, std::uint32_t size) {
    return add_bytes(Type::bytes, data, size);
  }
  bool start_array(std::uint32_t elements) {
    if (elements > reader.input_.size()) return refuse("an array longer than the input");
    if (++depth > kMaxDepth) return refuse("arrays nested too deep");
    return add(Type::array, 0, elements);
  }
  bool end_array() {
    --depth;
    return true;
  }
  bool start_map(std::uint32_t) { return refuse("a map, which no message has"); }
  bool visit_ext(const char*, std::uint32_t) {
    return refuse("an extension, which no message has");
  }
  bool visit_float32(float) { return refuse("a float, which no message has"); }
  bool visit_float64(double) { return refuse("a float, which no message has"); }
  void parse_error(std::size_t, std::size_t) { refuse("not msgpack"); }
  void insufficient_bytes(std::size_t, std::size_t) { refuse("truncated"); }
};

Reader::Reader(std::span<const std::uint8_t> input, std::size_t max_bytes) : input_(input) {
  if (input.empty()) fail("empty");
  if (input.size() > max_bytes) {
    fail(std::to_string(input.size()) + " bytes, at most " + std::to_string(max_bytes) +
         " allowed");
  }
  if (!failed()) cut();
}

void Reader::cut() {
  values_.reserve(std::min(input_.size(), kUsualValues));
  Cutter cutter(*this);
  std::size_t offset = 0;
  bool complete = false;
  try {
    complete =
        msgpack::parse(reinterpret_cast<const char*>(input_.data()), input_.size(), offset, cutter);
  } catch (const msgpack::unpack_error&) {  // an extension of 4 GiB, refused by msgpack-c itself
  }
  if (!complete) return fail("not msgpack");
  if (offset != input_.size()) {
    fail(std::to_string(input_.size() - offset) + " bytes after the end");
  }
}

void Reader::fail(std::string reason) {
  assert(!reason.empty());
  if (!failed()) error_ = std::move(reason);
}

Reader::Value Reader::next(Type type) {
  static constexpr const char* kNames[] = {"nil",    "a boolean", "a number", "a negative number",
                                           "a text", "bytes",     "an array"};
  if (failed()) return {};
  if (position_ == values_.size()) {
    fail("a value is missing");
    return {};
  }
  const Value& value = values_[position_++];
  if (value.type == type) return value;
  fail(std::string(kNames[static_cast<std::size_t>(value.type)]) + " instead of " +
       kNames[static_cast<std::size_t>(type)]);
  return {};
}

Reader::Number Reader::number() {
  const bool negative = position_ < values_.size() && values_[position_].type == Type::negative;
  const Value value = next(negative ? Type::negative : Type::natural);
  return {value.bits, negative};
}

void Reader::fail_range(Number number, const std::string& min, const std::string& max) {
  const std::string text = number.negative ? std::to_string(static_cast<std::int64_t>(number.bits))
                                           : std::to_string(number.bits);
  fail(text + " is not within " + min + " ... " + max);
}

bool Reader::boolean() {
  return next(Type::boolean).bits != 0;
}

std::string_view Reader::text(std::size_t max_bytes) {
  const Value value = next(Type::text);
  if (value.size > max_bytes) {
    fail("a text of " + std::to_string(value.size) + " bytes, at most " +
         std::to_string(max_bytes) + " allowed");
    return {};
  }
  return {reinterpret_cast<const char*>(input_.data()) + value.bits, value.size};
}

std::span<const std::uint8_t> Reader::bytes(std::size_t min_bytes, std::size_t max_bytes) {
  const Value value = next(Type::bytes);
  if (failed()) return {};
  if (value.size < min_bytes || value.size > max_bytes) {
    fail(std::to_string(value.size) + " bytes, between " + std::to_string(min_bytes) + " and " +
         std::to_string(max_bytes) + " allowed");
    return {};
  }
  return input_.subspan(value.bits, value.size);
}

std::size_t Reader::array(std::size_t max_elements) {
  const Value value = next(Type::array);
  if (value.size > max_elements) {
    fail(std::to_string(value.size) + " elements, at most " + std::to_string(max_elements) +
         " allowed");
    return 0;
  }
  return value.size;
}

bool Reader::nil() {
  if (failed() || position_ == values_.size() || values_[position_].type != Type::nil) return false;
  ++position_;
  return true;
}

}  // namespace net::codec
