// The frames on streams between peers: [tag, fields...].
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

#include "core/message.h"
#include "net/codec.h"
#include "net/codec_core.h"
#include "net/codec_task_spec.h"

namespace net {
namespace codec {
namespace {

constexpr std::int64_t kMaxFileBytes = std::numeric_limits<std::int64_t>::max();
constexpr Within kFileIndex{0, 1 + kMaxFiles};  // outputs follow stdout and stderr

}  // namespace

template <>
struct Layout<StreamHello::Kind> {
  static constexpr auto last = StreamHello::Kind::results;
};

template <>
struct Layout<StreamHello> {
  static constexpr auto fields = std::tuple(
      field(&StreamHello::version, Version{core::kProtocolVersion}), field(&StreamHello::kind),
      field(&StreamHello::from, Somebody{}), field(&StreamHello::task), field(&StreamHello::epoch));
};

template <>
struct Layout<StreamSpec> {
  static constexpr auto fields = std::tuple(field(&StreamSpec::spec));
};

template <>
struct Layout<StreamFile> {
  static constexpr auto fields =
      std::tuple(field(&StreamFile::index, kFileIndex), field(&StreamFile::mode, Within{0, 0777}),
                 field(&StreamFile::size, Within{0, kMaxFileBytes}));
};

template <>
struct Layout<StreamChunk> {
  static constexpr auto fields = std::tuple(
      field(&StreamChunk::index, kFileIndex),
      field(&StreamChunk::offset, Within{0, kMaxFileBytes - std::int64_t{kMaxChunkBytes}}),
      field(&StreamChunk::bytes, Blob{1, kMaxChunkBytes}));
};

template <>
struct Layout<StreamTrace> {
  static constexpr auto fields =
      std::tuple(field(&StreamTrace::lines, list(kMaxTraceLines, Prose{kMaxTraceLineBytes})));
};

template <>
struct Layout<StreamEnding> {
  static constexpr auto fields = std::tuple(field(&StreamEnding::status),
                                            field(&StreamEnding::message, Prose{kMaxErrorBytes}));
};

template <>
struct Layout<StreamEnd> {
  static constexpr std::tuple<> fields{};
};

template <>
struct Layout<StreamDone> {
  static constexpr auto fields =
      std::tuple(field(&StreamDone::ok), field(&StreamDone::error, Prose{kMaxErrorBytes}));
};

template <>
struct Layout<StreamNeeds> {
  static constexpr auto fields =
      std::tuple(field(&StreamNeeds::board, Text{kMaxFrameBytes - kMaxSpecBytes}),
                 field(&StreamNeeds::files, Text{kMaxSpecBytes}));
};

template <>
struct Layout<StreamReady> {
  static constexpr auto fields =
      std::tuple(field(&StreamReady::ok), field(&StreamReady::error, Prose{kMaxErrorBytes}));
};

template <>
struct Layout<StreamImage> {
  static constexpr auto fields = std::tuple(field(&StreamImage::bytes, Blob{1, kMaxImageBytes}));
};

template <>
struct Layout<StreamFrozen> {
  static constexpr auto fields =
      std::tuple(field(&StreamFrozen::dump_us), field(&StreamFrozen::bytes),
                 field(&StreamFrozen::packed_bytes));
};

}  // namespace codec

namespace {

const std::size_t kImageTag = StreamFrame(StreamImage()).index();

}  // namespace

Bytes encode(const StreamFrame& frame) {
  codec::Writer writer(codec::Writer::Framing::length);
  writer.array(1 + codec::alternative_fields(frame));
  codec::write_alternative(writer, frame);
  return writer.take();
}

Bytes encode_image(std::span<const std::uint8_t> bytes) {
  codec::Writer writer(codec::Writer::Framing::length);
  writer.array(1 + codec::kFields<StreamImage>);
  writer.natural(kImageTag);
  writer.bytes(bytes);
  return writer.take();
}

Decoded<StreamFrame> decode_stream_frame(std::span<const std::uint8_t> bytes) {
  codec::Reader reader(bytes, kMaxFrameBytes);
  StreamFrame frame;
  const std::size_t elements = reader.array();
  if (!reader.failed()) codec::read_alternative(reader, frame, elements);
  if (std::holds_alternative<StreamSpec>(frame)) codec::limit_spec_frame(reader, bytes.size());
  return codec::result_of(reader, std::move(frame));
}

std::optional<std::span<const std::uint8_t>> image_in(std::span<const std::uint8_t> frame) {
  codec::Reader reader(frame, kMaxFrameBytes);
  const std::size_t elements = reader.array();
  const bool fits = elements == 1 + codec::kFields<StreamImage> &&
                    reader.integer<std::size_t>(0, kImageTag) == kImageTag;
  if (!fits) return std::nullopt;
  const std::span<const std::uint8_t> bytes = reader.bytes(1, kMaxImageBytes);
  reader.finish();
  if (reader.failed()) return std::nullopt;
  return bytes;
}

}  // namespace net
