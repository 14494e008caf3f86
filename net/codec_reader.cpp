#include "net/codec_reader.h"

#include <array>
#include <cassert>

namespace net::codec {

Reader::Reader(std::span<const std::uint8_t> input, std::size_t max_bytes) : input_(input) {
  if (input.empty()) fail("empty");
  if (input.size() > max_bytes) {
    fail(std::to_string(input.size()) + " bytes, at most " + std::to_string(max_bytes) +
         " allowed");
  }
  if (failed()) input_ = {};
}

void Reader::finish() {
  if (input_.empty() || (!failed() && position_ == input_.size())) return;
  std::string refusal = std::exchange(error_, {});
  failed_ = false;
  position_ = 0;
  look_over();
  if (!refusal.empty()) fail(std::move(refusal));
}

// Is it one whole msgpack value?
void Reader::look_over() {
  std::array<std::uint32_t, kMaxDepth> left{};  // elements, of the arrays that are open
  std::size_t depth = 0;
  std::size_t values = 0;
  do {
    const Value value = cut();
    if (failed()) return;
    if (value.type == Type::array && depth == kMaxDepth) return fail("arrays nested too deep");
    if (++values > kMaxValues) return fail("too many values");
    if (value.type == Type::array && value.size > 0) {
      left[depth++] = value.size;
      continue;
    }
    while (depth > 0 && --left[depth - 1] == 0) --depth;
  } while (depth > 0);
  if (position_ != input_.size())
    fail(std::to_string(input_.size() - position_) + " bytes after the end");
}

// --- Cutting the input into values: the first byte says what and how long each is

Reader::Value Reader::cut() {
  if (!has(1)) return {};
  const std::uint8_t lead = input_[position_++];
  if (lead < 0x80) return {lead, 0, Type::natural};
  if (lead >= 0xe0) return {0xffff'ffff'ffff'ff00u | lead, 0, Type::negative};
  if (lead >= 0xc0) return cut_long(lead);
  if (lead >= 0xa0) return cut_data(Type::text, lead & 0x1f);
  if (lead >= 0x90) return cut_array(lead & 0x0f);
  return refuse("a map, which no message has");
}

Reader::Value Reader::cut_long(std::uint8_t lead) {
  const auto natural = [](std::uint64_t number) { return Value{number, 0, Type::natural}; };
  const auto integer = [](std::int64_t number) {
    return Value{static_cast<std::uint64_t>(number), 0,
                 number < 0 ? Type::negative : Type::natural};
  };
  switch (lead) {
    case 0xc0:
      return {};
    case 0xc1:
      return refuse("not msgpack");
    case 0xc2:
    case 0xc3:
      return {lead & 1u, 0, Type::boolean};
    case 0xc4:
      return cut_data(Type::bytes, big_endian<std::uint8_t>());
    case 0xc5:
      return cut_data(Type::bytes, big_endian<std::uint16_t>());
    case 0xc6:
      return cut_data(Type::bytes, big_endian<std::uint32_t>());
    case 0xca:
    case 0xcb:
      return refuse("a float, which no message has");
    case 0xcc:
      return natural(big_endian<std::uint8_t>());
    case 0xcd:
      return natural(big_endian<std::uint16_t>());
    case 0xce:
      return natural(big_endian<std::uint32_t>());
    case 0xcf:
      return natural(big_endian<std::uint64_t>());
    case 0xd0:
      return integer(static_cast<std::int8_t>(big_endian<std::uint8_t>()));
    case 0xd1:
      return integer(static_cast<std::int16_t>(big_endian<std::uint16_t>()));
    case 0xd2:
      return integer(static_cast<std::int32_t>(big_endian<std::uint32_t>()));
    case 0xd3:
      return integer(static_cast<std::int64_t>(big_endian<std::uint64_t>()));
    case 0xd9:
      return cut_data(Type::text, big_endian<std::uint8_t>());
    case 0xda:
      return cut_data(Type::text, big_endian<std::uint16_t>());
    case 0xdb:
      return cut_data(Type::text, big_endian<std::uint32_t>());
    case 0xdc:
      return cut_array(big_endian<std::uint16_t>());
    case 0xdd:
      return cut_array(big_endian<std::uint32_t>());
    case 0xde:
    case 0xdf:
      return refuse("a map, which no message has");
    default:
      return refuse("an extension, which no message has");
  }
}

Reader::Value Reader::cut_data(Type type, std::size_t size) {
  if (!has(size)) return {};
  const std::size_t start = std::exchange(position_, position_ + size);
  return {start, static_cast<std::uint32_t>(size), type};
}

Reader::Value Reader::cut_array(std::size_t elements) {
  if (elements > input_.size()) return refuse("an array longer than the input");
  return {0, static_cast<std::uint32_t>(elements), Type::array};
}

Reader::Value Reader::refuse(const char* reason) {
  fail(reason);
  return {};
}

bool Reader::has(std::size_t bytes) {
  if (bytes <= input_.size() - position_) return true;
  fail("truncated");
  return false;
}

template <typename Natural>
Natural Reader::big_endian() {
  if (!has(sizeof(Natural))) return 0;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(Natural); ++i) bits = bits << 8 | input_[position_ + i];
  position_ += sizeof(Natural);
  return static_cast<Natural>(bits);
}

// --- What callers ask for

void Reader::fail(std::string reason) {
  assert(!reason.empty());
  if (failed_) return;
  failed_ = true;
  error_ = std::move(reason);
}

Reader::Value Reader::next(Type type) {
  if (failed()) return {};
  if (position_ == input_.size()) return refuse("a value is missing");
  const Value value = cut();
  return value.type == type ? value : mistyped(value, type);
}

Reader::Number Reader::long_number() {
  if (!failed() && position_ == input_.size()) fail("a value is missing");
  if (failed()) return {};
  const Value value = cut();
  if (value.type == Type::negative) return {value.bits, true};
  return {(value.type == Type::natural ? value : mistyped(value, Type::natural)).bits, false};
}

Reader::Value Reader::mistyped(const Value& value, Type type) {
  static constexpr const char* kNames[] = {"nil",    "a boolean", "a number", "a negative number",
                                           "a text", "bytes",     "an array"};
  fail(std::string(kNames[static_cast<std::size_t>(value.type)]) + " instead of " +
       kNames[static_cast<std::size_t>(type)]);
  return {};
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
  if (failed() || position_ == input_.size() || input_[position_] != 0xc0) return false;
  ++position_;
  return true;
}

}  // namespace net::codec
