// The frames between peerctl and peerd: [request, tag, fields...].
//
// ControlHello is taken in any version, so that the daemon can answer with a Failure that names
// both: it keeps its request number, tag and only field in every version to come.
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

// A full table of rows with every text at its limit must fit a frame.
constexpr Prose kWord{core::kMaxNameBytes};  // a peer's name, a state, a version, an address
constexpr Prose kRowText{256};
constexpr Text kTask{128};  // a peer's name, a dot, a number; or what a user took for one
constexpr Prose kMessage{kMaxErrorBytes};

}  // namespace

// --- Requests

template <>
struct Layout<ControlHello> {
  static constexpr auto fields = std::tuple(field(&ControlHello::version));
};

template <>
struct Layout<SubmitRequest> {
  static constexpr auto fields = std::tuple(field(&SubmitRequest::spec));
};

template <>
struct Layout<WaitRequest> {
  static constexpr auto fields = std::tuple(field(&WaitRequest::task, kTask));
};

template <>
struct Layout<OutputRequest> {
  static constexpr auto fields =
      std::tuple(field(&OutputRequest::task, kTask), field(&OutputRequest::follow));
};

template <>
struct Layout<CancelRequest> {
  static constexpr auto fields = std::tuple(field(&CancelRequest::task, kTask));
};

template <>
struct Layout<SteerRequest::What> {
  static constexpr auto last = SteerRequest::What::release;
};

template <>
struct Layout<SteerRequest> {
  static constexpr auto fields =
      std::tuple(field(&SteerRequest::what), field(&SteerRequest::task, kTask),
                 field(&SteerRequest::peer, Text{core::kMaxNameBytes}));
};

template <>
struct Layout<DrainRequest> {
  static constexpr auto fields = std::tuple(field(&DrainRequest::on));
};

template <>
struct Layout<DoctorRequest> {
  static constexpr std::tuple<> fields{};
};

template <>
struct Layout<TasksRequest> {
  static constexpr auto fields = std::tuple(field(&TasksRequest::all));
};

template <>
struct Layout<PeersRequest> {
  static constexpr std::tuple<> fields{};
};

template <>
struct Layout<StatsRequest> {
  static constexpr std::tuple<> fields{};
};

template <>
struct Layout<ExplainRequest> {
  static constexpr auto fields = std::tuple(field(&ExplainRequest::task, kTask));
};

// --- Answers

template <>
struct Layout<Welcome> {
  static constexpr auto fields =
      std::tuple(field(&Welcome::peer, kWord), field(&Welcome::version, kWord));
};

template <>
struct Layout<Submitted> {
  static constexpr auto fields = std::tuple(field(&Submitted::task, kTask));
};

template <>
struct Layout<Output> {
  static constexpr auto fields = std::tuple(field(&Output::stream, Within{1, 2}),
                                            field(&Output::bytes, Blob{0, kMaxChunkBytes}));
};

template <>
struct Layout<Restarted> {
  static constexpr auto fields = std::tuple(field(&Restarted::gone, Text{core::kMaxNameBytes}));
};

template <>
struct Layout<Ended> {
  static constexpr auto fields =
      std::tuple(field(&Ended::task, kTask), field(&Ended::status),
                 field(&Ended::message, kMessage), field(&Ended::ran_on, kWord),
                 field(&Ended::response_us), field(&Ended::moves), field(&Ended::probes));
};

template <>
struct Layout<Done> {
  static constexpr std::tuple<> fields{};
};

template <>
struct Layout<Failure> {
  static constexpr auto fields =
      std::tuple(field(&Failure::code), field(&Failure::message, kMessage));
};

template <>
struct Layout<TaskRow> {
  static constexpr auto fields = std::tuple(
      field(&TaskRow::task, kTask), field(&TaskRow::state, kWord), field(&TaskRow::owner, kWord),
      field(&TaskRow::command, kRowText), field(&TaskRow::priority), field(&TaskRow::age_us),
      field(&TaskRow::response_us), field(&TaskRow::moves), field(&TaskRow::probes),
      field(&TaskRow::epoch), field(&TaskRow::home_here), field(&TaskRow::status),
      field(&TaskRow::ended), field(&TaskRow::note, kRowText));
};

template <>
struct Layout<TaskRows> {
  static constexpr auto fields =
      std::tuple(field(&TaskRows::rows, list(kMaxRows)), field(&TaskRows::more));
};

template <>
struct Layout<PeerRow> {
  static constexpr auto fields = std::tuple(
      field(&PeerRow::name, kWord), field(&PeerRow::address, kWord), field(&PeerRow::state, kWord),
      field(&PeerRow::role, kWord), field(&PeerRow::load), field(&PeerRow::known_age_us),
      field(&PeerRow::incarnation), field(&PeerRow::waiting), field(&PeerRow::running),
      field(&PeerRow::reserved), field(&PeerRow::slots));
};

template <>
struct Layout<PeerRows> {
  static constexpr auto fields =
      std::tuple(field(&PeerRows::rows, list(kMaxRows)), field(&PeerRows::more));
};

template <>
struct Layout<StatRow> {
  static constexpr auto fields = std::tuple(field(&StatRow::group, kWord),
                                            field(&StatRow::name, kWord), field(&StatRow::value));
};

template <>
struct Layout<Stats> {
  static constexpr auto fields = std::tuple(field(&Stats::rows, list(kMaxRows)));
};

template <>
struct Layout<Lines> {
  static constexpr auto fields = std::tuple(
      field(&Lines::lines, list(kMaxRows, Prose{kMaxTraceLineBytes})), field(&Lines::more));
};

}  // namespace codec

Bytes encode(const ControlFrame& frame) {
  codec::Writer writer(codec::Writer::Framing::length);
  writer.array(2 + codec::alternative_fields(frame.body));
  writer.natural(frame.request);
  codec::write_alternative(writer, frame.body);
  return writer.take();
}

Decoded<ControlFrame> decode_control_frame(std::span<const std::uint8_t> bytes) {
  codec::Reader reader(bytes, kMaxFrameBytes);
  ControlFrame frame;
  const std::size_t elements = reader.array();
  if (elements < 2) reader.fail("no request number and tag");
  if (!reader.failed()) codec::read(reader, frame.request);
  if (!reader.failed()) codec::read_alternative(reader, frame.body, elements - 1);
  if (std::holds_alternative<SubmitRequest>(frame.body)) {
    codec::limit_spec_frame(reader, bytes.size());
  }
  return codec::result_of(reader, std::move(frame));
}

}  // namespace net
