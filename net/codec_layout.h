// One description of a type's fields serves both directions: what is written is what is read.
//
//   template <>
//   struct Layout<Ping> {
//     static constexpr auto fields =
//         std::tuple(field(&Ping::sequence), field(&Ping::gossip, list(kMaxMembersPerMessage)));
//   };
//
// A struct is an array of its fields, in this order. An alternative of a variant is its index as a
// tag, then its fields. Both must have exactly the fields described: whoever adds, drops or
// reorders fields or alternatives raises the protocol version, whose check comes first. (Optional
// fields would have to mean the same to peers that do not know them; none does.)
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "net/codec_reader.h"
#include "net/codec_writer.h"

namespace net::codec {

// For a struct: `fields`, and if not every combination of them is legal `flaw(value)`, which
// returns what is wrong or an empty string. For an enum: `last`, its last enumerator.
template <typename T>
struct Layout;

template <typename T>
void write(Writer& writer, const T& value);
template <typename T>
void read(Reader& reader, T& value);

// --- Rules: how a member is written and which values are taken back

struct Plain {
  template <typename T>
  void write(Writer& writer, const T& value) const {
    codec::write(writer, value);
  }
  template <typename T>
  void read(Reader& reader, T& value) const {
    codec::read(reader, value);
  }
};

struct Within {
  std::int64_t min, max;

  template <typename T>
  void write(Writer& writer, const T& value) const {
    codec::write(writer, value);
  }
  template <typename T>
  void read(Reader& reader, T& value) const {
    value = static_cast<T>(reader.integer(min, max));
  }
};

// The version that the sender speaks, before anything that may differ between versions.
struct Version {
  std::uint16_t spoken;

  void write(Writer& writer, std::uint16_t value) const { writer.natural(value); }
  void read(Reader& reader, std::uint16_t& value) const {
    value = reader.integer<std::uint16_t>(0, std::numeric_limits<std::uint16_t>::max());
    if (reader.failed() || value == spoken) return;
    reader.fail("protocol version " + std::to_string(value) + ", this peer speaks " +
                std::to_string(spoken));
  }
};

// Text that a program relies on: refused when too long.
struct Text {
  std::size_t max_bytes;

  void write(Writer& writer, const std::string& value) const { writer.text(value); }
  void read(Reader& reader, std::string& value) const { value = reader.text(max_bytes); }
};

// Words for a person: cut when written, since the beginning is better than nothing.
struct Prose {
  std::size_t max_bytes;

  void write(Writer& writer, const std::string& value) const { writer.text(cut(value)); }
  void read(Reader& reader, std::string& value) const { value = reader.text(max_bytes); }

 private:
  std::string_view cut(std::string_view text) const {
    if (text.size() <= max_bytes) return text;
    std::size_t size = max_bytes;  // not in the middle of a UTF-8 character
    while (size > 0 && (static_cast<std::uint8_t>(text[size]) & 0xc0) == 0x80) --size;
    return text.substr(0, size);
  }
};

struct Blob {
  std::size_t min_bytes, max_bytes;

  void write(Writer& writer, const Bytes& value) const { writer.bytes(value); }
  void read(Reader& reader, Bytes& value) const {
    const auto bytes = reader.bytes(min_bytes, max_bytes);
    value.assign(bytes.begin(), bytes.end());
  }
};

template <typename Rule>
struct Optional {
  Rule rule;

  template <typename T>
  void write(Writer& writer, const T& value) const {
    value ? rule.write(writer, *value) : writer.nil();
  }
  template <typename T>
  void read(Reader& reader, T& value) const {
    if (reader.nil()) return value.reset();
    rule.read(reader, value.emplace());
  }
};

template <typename Rule>
struct List {
  static constexpr std::size_t kFew = 10;

  std::size_t max_elements;
  Rule rule;

  template <typename T>
  void write(Writer& writer, const std::vector<T>& value) const {
    writer.array(value.size());
    for (const T& element : value) rule.write(writer, element);
  }
  template <typename T>
  void read(Reader& reader, std::vector<T>& value) const {
    const std::size_t elements = reader.array(max_elements);
    value.reserve(std::min(elements, kFew));  // beyond these, memory follows what was read
    for (std::size_t i = 0; i < elements; ++i) {
      rule.read(reader, value.emplace_back());
      if (reader.failed()) return reader.locate("element " + std::to_string(i));
    }
  }
};

template <typename Rule = Plain>
constexpr List<Rule> list(std::size_t max_elements, Rule rule = {}) {
  return {max_elements, rule};
}

// --- Structs

template <typename Struct, typename Member, typename Rule>
struct Field {
  Member Struct::*member;
  Rule rule;
};

template <typename Struct, typename Member, typename Rule = Plain>
constexpr Field<Struct, Member, Rule> field(Member Struct::*member, Rule rule = {}) {
  return {member, rule};
}

template <typename T>
constexpr std::size_t kFields = std::tuple_size_v<decltype(Layout<T>::fields)>;

template <typename T>
void write_fields(Writer& writer, const T& value) {
  std::apply([&](const auto&... each) { (each.rule.write(writer, value.*each.member), ...); },
             Layout<T>::fields);
}

// The next `present` elements are the fields.
template <typename T>
void read_fields(Reader& reader, T& value, std::size_t present) {
  std::size_t index = 0;
  const auto read_one = [&](const auto& each) {
    if (index == present || reader.failed()) return false;
    each.rule.read(reader, value.*each.member);
    if (reader.failed()) reader.locate("field " + std::to_string(index));
    ++index;
    return !reader.failed();
  };
  std::apply([&](const auto&... each) { (void)(read_one(each) && ...); }, Layout<T>::fields);
  if (reader.failed()) return;
  if (present != kFields<T>) {
    return reader.fail(std::to_string(present) + " fields instead of " +
                       std::to_string(kFields<T>));
  }
  if constexpr (requires { Layout<T>::flaw(value); }) {
    std::string flaw = Layout<T>::flaw(value);
    if (!flaw.empty()) reader.fail(std::move(flaw));
  }
}

// --- Variants

template <typename Variant>
std::size_t alternative_fields(const Variant& variant) {
  return std::visit([]<typename T>(const T&) { return kFields<T>; }, variant);
}

// The tag and the fields: 1 + alternative_fields() elements.
template <typename Variant>
void write_alternative(Writer& writer, const Variant& variant) {
  writer.natural(variant.index());
  std::visit([&](const auto& value) { write_fields(writer, value); }, variant);
}

// The next `present` elements are a tag and the fields.
template <typename Variant>
void read_alternative(Reader& reader, Variant& variant, std::size_t present) {
  constexpr std::size_t kAlternatives = std::variant_size_v<Variant>;
  if (present == 0) return reader.fail("no tag");
  const auto tag = reader.integer<std::uint64_t>(0, std::numeric_limits<std::uint64_t>::max());
  if (reader.failed()) return reader.locate("tag");
  if (tag >= kAlternatives) return reader.fail("unknown tag " + std::to_string(tag));
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((tag == I ? read_fields(reader, variant.template emplace<I>(), present - 1) : void()), ...);
  }
  (std::make_index_sequence<kAlternatives>{});
  if (reader.failed()) reader.locate("tag " + std::to_string(tag));
}

// --- Single values

template <typename T>
void write(Writer& writer, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    writer.boolean(value);
  } else if constexpr (std::is_enum_v<T>) {
    writer.natural(static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
    writer.integer(value);
  } else if constexpr (std::is_integral_v<T>) {
    writer.natural(value);
  } else {
    writer.array(kFields<T>);
    write_fields(writer, value);
  }
}

template <typename T>
void read(Reader& reader, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    value = reader.boolean();
  } else if constexpr (std::is_enum_v<T>) {
    using Number = std::underlying_type_t<T>;
    value = static_cast<T>(reader.integer<Number>(0, static_cast<Number>(Layout<T>::last)));
  } else if constexpr (std::is_integral_v<T>) {
    value = reader.integer<T>(std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
  } else {
    read_fields(reader, value, reader.array());
  }
}

// --- Whole inputs

template <typename T>
Decoded<T> result_of(Reader& reader, T value) {
  reader.finish();
  if (reader.failed()) return DecodeError{reader.error()};
  return value;
}

}  // namespace net::codec
