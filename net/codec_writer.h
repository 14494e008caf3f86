// Writes msgpack: the shortest form of every value, so that equal messages are equal bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "net/codec.h"

namespace net::codec {

class Writer {
 public:
  enum class Framing { none, length };  // length: take()'s result opens with its length
  explicit Writer(Framing framing = Framing::none);
  // Without framing, into the memory of `spare`.
  explicit Writer(Bytes&& spare);

  void nil();
  void boolean(bool value);
  void natural(std::uint64_t value);
  void integer(std::int64_t value);
  void text(std::string_view text);
  void bytes(std::span<const std::uint8_t> bytes);
  void array(std::size_t elements);  // which follow

  Bytes take();  // what was written; the writer is spent

 private:
  Bytes bytes_;
  Framing framing_;
};

}  // namespace net::codec
