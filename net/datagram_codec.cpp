// The datagrams: core::Message behind core::Header.
#include <algorithm>
#include <cassert>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/message.h"
#include "net/codec.h"
#include "net/codec_core.h"
#include "net/codec_layout.h"

namespace net {
namespace codec {
namespace {

constexpr Within kLoad{0, core::kMaxLoad};
constexpr Within kSourceLoad{0, core::kLeaving};
constexpr Within kWaited{0, core::kMaxWaited};
constexpr Within kLease{0, core::kMaxLease};
constexpr Within kTime{0, core::kNever};

// A peer's name is printed on terminals and in logs: it brings no control characters along.
struct Printable {
  void write(Writer& writer, const core::Name& value) const { writer.text(value); }
  void read(Reader& reader, core::Name& value) const {
    const std::string_view text = reader.text(core::kMaxNameBytes);
    for (const char character : text) {
      const auto code = static_cast<std::uint8_t>(character);
      if (code < 0x20 || code == 0x7f) return reader.fail("a name with control characters");
    }
    value = text;
  }
};

struct Address {
  using Value = decltype(core::Endpoint::address);
  void write(Writer& writer, const Value& value) const { writer.bytes(value); }
  void read(Reader& reader, Value& value) const {
    const auto bytes = reader.bytes(value.size(), value.size());
    std::copy(bytes.begin(), bytes.end(), value.begin());
  }
};

}  // namespace

template <>
struct Layout<core::Header> {
  static constexpr auto fields =
      std::tuple(field(&core::Header::from, Somebody{}), field(&core::Header::incarnation),
                 field(&core::Header::load, Optional<Within>{kLoad}));
};

// --- Membership

template <>
struct Layout<core::MemberState> {
  static constexpr auto last = core::MemberState::left;
};

template <>
struct Layout<core::Endpoint> {
  static constexpr auto fields =
      std::tuple(field(&core::Endpoint::address, Address{}), field(&core::Endpoint::port));
};

template <>
struct Layout<core::Member> {
  static constexpr auto fields =
      std::tuple(field(&core::Member::id, Somebody{}), field(&core::Member::name, Printable{}),
                 field(&core::Member::endpoint), field(&core::Member::incarnation),
                 field(&core::Member::state), field(&core::Member::draining),
                 field(&core::Member::accuser), field(&core::Member::age));
};

namespace {
constexpr auto kMembers = list(core::kMaxMembersPerMessage);
constexpr auto kShuffled = list(core::kMaxShuffled);
}  // namespace

template <>
struct Layout<core::Ping> {
  static constexpr auto fields =
      std::tuple(field(&core::Ping::sequence), field(&core::Ping::target),
                 field(&core::Ping::gossip, kMembers));
};

template <>
struct Layout<core::Ack> {
  static constexpr auto fields =
      std::tuple(field(&core::Ack::sequence), field(&core::Ack::gossip, kMembers));
};

template <>
struct Layout<core::PingRequest> {
  static constexpr auto fields = std::tuple(
      field(&core::PingRequest::sequence), field(&core::PingRequest::target),
      field(&core::PingRequest::target_endpoint), field(&core::PingRequest::gossip, kMembers));
};

template <>
struct Layout<core::Nack> {
  static constexpr auto fields = std::tuple(field(&core::Nack::sequence));
};

template <>
struct Layout<core::Join> {
  static constexpr auto fields = std::tuple(field(&core::Join::self));
};

template <>
struct Layout<core::News> {
  static constexpr auto fields = std::tuple(field(&core::News::members, kMembers));
};

template <>
struct Layout<core::Shuffle> {
  static constexpr auto fields =
      std::tuple(field(&core::Shuffle::sequence), field(&core::Shuffle::target),
                 field(&core::Shuffle::members, kShuffled));
};

template <>
struct Layout<core::ShuffleReply> {
  static constexpr auto fields = std::tuple(field(&core::ShuffleReply::sequence),
                                            field(&core::ShuffleReply::members, kShuffled));
};

// --- Balancing

template <>
struct Layout<core::Probe> {
  static constexpr auto fields =
      std::tuple(field(&core::Probe::search), field(&core::Probe::role),
                 field(&core::Probe::leaves_wish), field(&core::Probe::waited, kWaited));
};

template <>
struct Layout<core::ProbeReply> {
  static constexpr auto fields =
      std::tuple(field(&core::ProbeReply::search), field(&core::ProbeReply::load, kLoad),
                 field(&core::ProbeReply::role), field(&core::ProbeReply::veto),
                 field(&core::ProbeReply::movable), field(&core::ProbeReply::wish_kept),
                 field(&core::ProbeReply::referral), field(&core::ProbeReply::referral_endpoint));
};

template <>
struct Layout<core::LoadReport> {
  static constexpr auto fields =
      std::tuple(field(&core::LoadReport::load, kLoad), field(&core::LoadReport::role));
};

template <>
struct Layout<core::Request> {
  static constexpr auto fields =
      std::tuple(field(&core::Request::search), field(&core::Request::probes));
};

template <>
struct Layout<core::Withdraw> {
  static constexpr auto fields = std::tuple(field(&core::Withdraw::search));
};

template <>
struct Layout<core::Decline> {
  static constexpr auto fields =
      std::tuple(field(&core::Decline::search), field(&core::Decline::veto),
                 field(&core::Decline::load, kLoad), field(&core::Decline::role));
};

// --- Handoff

template <>
struct Layout<core::Needs> {
  static constexpr auto fields =
      std::tuple(field(&core::Needs::memory_bytes), field(&core::Needs::bundle_bytes),
                 field(&core::Needs::priority, kPriority), field(&core::Needs::lease, kLease));
};

template <>
struct Layout<core::Offer> {
  static constexpr auto fields = std::tuple(
      field(&core::Offer::task), field(&core::Offer::epoch), field(&core::Offer::needs),
      field(&core::Offer::hops), field(&core::Offer::probes), field(&core::Offer::search),
      field(&core::Offer::source_load, kSourceLoad), field(&core::Offer::waited, kWaited),
      field(&core::Offer::home), field(&core::Offer::wanted), field(&core::Offer::running),
      field(&core::Offer::image_bytes), field(&core::Offer::ran, kWaited));
};

template <>
struct Layout<core::Reject> {
  static constexpr auto fields = std::tuple(
      field(&core::Reject::task), field(&core::Reject::epoch), field(&core::Reject::veto),
      field(&core::Reject::load, kLoad), field(&core::Reject::role));
};

// Messages that say all by their tag, of a task at an epoch.
template <typename T>
struct OfTask {
  static constexpr auto fields = std::tuple(field(&T::task), field(&T::epoch));
};
template <>
struct Layout<core::Grant> : OfTask<core::Grant> {};
template <>
struct Layout<core::Prepared> {
  static constexpr auto fields =
      std::tuple(field(&core::Prepared::task), field(&core::Prepared::epoch),
                 field(&core::Prepared::process_lost));
};
template <>
struct Layout<core::Commit> : OfTask<core::Commit> {};
template <>
struct Layout<core::Committed> : OfTask<core::Committed> {};
template <>
struct Layout<core::Abort> : OfTask<core::Abort> {};
template <>
struct Layout<core::TaskQuery> : OfTask<core::TaskQuery> {};

// --- The home node's record

template <>
struct Layout<core::TaskReport> {
  static constexpr auto fields =
      std::tuple(field(&core::TaskReport::task), field(&core::TaskReport::epoch),
                 field(&core::TaskReport::state), field(&core::TaskReport::owner),
                 field(&core::TaskReport::hops), field(&core::TaskReport::probes),
                 field(&core::TaskReport::status), field(&core::TaskReport::owner_endpoint));
};

template <>
struct Layout<core::TaskReportAck> {
  static constexpr auto fields =
      std::tuple(field(&core::TaskReportAck::task), field(&core::TaskReportAck::epoch),
                 field(&core::TaskReportAck::state));
};

template <>
struct Layout<core::Cancel> {
  static constexpr auto fields = std::tuple(field(&core::Cancel::task));
};

template <>
struct Layout<core::LeaseAsk> {
  static constexpr auto fields =
      std::tuple(field(&core::LeaseAsk::task), field(&core::LeaseAsk::epoch),
                 field(&core::LeaseAsk::asked, kTime), field(&core::LeaseAsk::life),
                 field(&core::LeaseAsk::hops));
};

template <>
struct Layout<core::LeaseReply> {
  static constexpr auto fields =
      std::tuple(field(&core::LeaseReply::task), field(&core::LeaseReply::epoch),
                 field(&core::LeaseReply::asked, kTime), field(&core::LeaseReply::life),
                 field(&core::LeaseReply::granted));
};

}  // namespace codec

namespace {

// Version and header.
constexpr std::size_t kOpening = 1 + codec::kFields<core::Header>;
constexpr codec::Version kVersion{core::kProtocolVersion};

}  // namespace

Bytes encode(const Datagram& datagram) {
  return encode(datagram.header, datagram.message, {});
}

Bytes encode(const core::Header& header, const core::Message& message, Bytes spare) {
  codec::Writer writer(std::move(spare));
  writer.array(kOpening + 1 + codec::alternative_fields(message));
  kVersion.write(writer, core::kProtocolVersion);
  codec::write_fields(writer, header);
  codec::write_alternative(writer, message);
  Bytes bytes = writer.take();
  assert(bytes.size() <= kMaxDatagramBytes);
  return bytes;
}

Decoded<Datagram> decode_datagram(std::span<const std::uint8_t> bytes) {
  codec::Reader reader(bytes, kMaxDatagramBytes);
  Datagram datagram;
  const std::size_t elements = reader.array();
  std::uint16_t version = 0;
  kVersion.read(reader, version);
  if (elements < kOpening) reader.fail("no header");
  if (!reader.failed()) codec::read_fields(reader, datagram.header, codec::kFields<core::Header>);
  if (!reader.failed()) codec::read_alternative(reader, datagram.message, elements - kOpening);
  return codec::result_of(reader, std::move(datagram));
}

}  // namespace net
