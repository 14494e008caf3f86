#include "net/codec_writer.h"

#include <cassert>
#include <limits>
#include <msgpack.hpp>
#include <utility>

namespace net::codec {
namespace {

// What msgpack-c's packer writes to.
struct Sink {
  Bytes& target;
  void write(const char* data, std::size_t size) {
    const auto* start = reinterpret_cast<const std::uint8_t*>(data);
    target.insert(target.end(), start, start + size);
  }
};

std::uint32_t size32(std::size_t size) {
  assert(size <= std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(size);
}

template <typename Pack>
void pack(Bytes& target, Pack&& what) {
  Sink sink{target};
  msgpack::packer<Sink> packer(sink);
  what(packer);
}

}  // namespace

Writer::Writer(Framing framing) : framing_(framing) {
  if (framing == Framing::length) bytes_.resize(kFrameLengthBytes);
}

Writer::Writer(Bytes&& spare) : bytes_(std::move(spare)), framing_(Framing::none) {
  bytes_.clear();
}

void Writer::nil() {
  pack(bytes_, [](auto& packer) { packer.pack_nil(); });
}

void Writer::boolean(bool value) {
  pack(bytes_, [value](auto& packer) { value ? packer.pack_true() : packer.pack_false(); });
}

void Writer::natural(std::uint64_t value) {
  if (value < 0x80) return bytes_.push_back(static_cast<std::uint8_t>(value));  // most are
  pack(bytes_, [value](auto& packer) { packer.pack_uint64(value); });
}

void Writer::integer(std::int64_t value) {
  pack(bytes_, [value](auto& packer) { packer.pack_int64(value); });
}

void Writer::text(std::string_view text) {
  pack(bytes_, [text](auto& packer) {
    packer.pack_str(size32(text.size()));
    packer.pack_str_body(text.data(), size32(text.size()));
  });
}

void Writer::bytes(std::span<const std::uint8_t> bytes) {
  pack(bytes_, [bytes](auto& packer) {
    packer.pack_bin(size32(bytes.size()));
    packer.pack_bin_body(reinterpret_cast<const char*>(bytes.data()), size32(bytes.size()));
  });
}

void Writer::array(std::size_t elements) {
  pack(bytes_, [elements](auto& packer) { packer.pack_array(size32(elements)); });
}

Bytes Writer::take() {
  if (framing_ == Framing::length) {
    const std::uint32_t length = size32(bytes_.size() - kFrameLengthBytes);
    for (std::size_t i = 0; i < kFrameLengthBytes; ++i) {
      bytes_[i] = static_cast<std::uint8_t>(length >> (8 * (kFrameLengthBytes - 1 - i)));
    }
  }
  return std::move(bytes_);
}

}  // namespace net::codec
