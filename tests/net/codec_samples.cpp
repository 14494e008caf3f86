#include "tests/net/codec_samples.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/net/codec_members.h"

namespace test {
namespace {

using core::Rng;

template <typename E>
constexpr std::uint64_t kEnumerators = 0;
template <>
constexpr std::uint64_t kEnumerators<core::MemberState> = 4;
template <>
constexpr std::uint64_t kEnumerators<core::Role> = 3;
template <>
constexpr std::uint64_t kEnumerators<net::SteerRequest::What> = 3;
template <>
constexpr std::uint64_t kEnumerators<core::Veto> = core::kVetoes;
template <>
constexpr std::uint64_t kEnumerators<core::TaskState> = 7;
template <>
constexpr std::uint64_t kEnumerators<core::ExitStatus::Kind> = 5;
template <>
constexpr std::uint64_t kEnumerators<net::StreamHello::Kind> = 2;

template <typename Integer>
Integer number(Integer min, Integer max, Rng& rng) {
  const std::uint64_t kind = rng.below(5);
  if (kind == 0) return min;
  if (kind == 1) return max;
  if (kind == 2 && min <= 0 && max >= 100) return static_cast<Integer>(rng.below(100));
  const std::uint64_t range = static_cast<std::uint64_t>(max) - static_cast<std::uint64_t>(min);
  const std::uint64_t draw = rng.next();
  const std::uint64_t offset = range + 1 == 0 ? draw : draw % (range + 1);
  return static_cast<Integer>(static_cast<std::uint64_t>(min) + offset);
}

core::PeerId somebody(Rng& rng) {
  return core::PeerId{number<std::uint64_t>(1, std::numeric_limits<std::uint64_t>::max(), rng)};
}

std::size_t length(std::size_t max, Rng& rng) {
  const std::uint64_t kind = rng.below(8);
  if (kind == 0) return max;
  return rng.below(std::min<std::size_t>(max, kind == 1 ? max : 12) + 1);
}

std::string text(std::size_t max_bytes, const std::string& characters, Rng& rng) {
  std::string result(length(max_bytes, rng), '\0');
  for (char& character : result) character = characters[rng.below(characters.size())];
  return result;
}

std::string path_below(Rng& rng) {
  std::string result = "f" + text(20, "abc.", rng);
  if (rng.below(2) == 0) result += "/..." + text(20, "xyz ", rng);
  return result;
}

std::string absolute_path(Rng& rng) {
  return "/" + text(40, "abc/.", rng);
}

// --- What the limits ask beyond the types. Without an overload all values of a type are legal.

constexpr std::int64_t kMaxSize = std::numeric_limits<std::int64_t>::max();

template <typename T>
void tame(T&, Rng&) {}

void tame(core::TaskId& task, Rng& rng) {
  task.home = somebody(rng);
}
void tame(core::Member& member, Rng& rng) {
  member.id = somebody(rng);
}
void tame(core::Shuffle& shuffle, Rng& rng) {
  shuffle.members.resize(std::min(shuffle.members.size(), core::kMaxShuffled - rng.below(2)));
}
void tame(core::ShuffleReply& reply, Rng& rng) {
  reply.members.resize(std::min(reply.members.size(), core::kMaxShuffled - rng.below(2)));
}
void tame(core::Probe& probe, Rng& rng) {
  probe.waited = number<core::Duration>(0, core::kMaxWaited, rng);
}
void tame(core::ProbeReply& reply, Rng& rng) {
  reply.load = number(0, core::kMaxLoad, rng);
}
void tame(core::LoadReport& report, Rng& rng) {
  report.load = number(0, core::kMaxLoad, rng);
}
void tame(core::Decline& decline, Rng& rng) {
  decline.load = number(0, core::kMaxLoad, rng);
}
void tame(core::Reject& reject, Rng& rng) {
  reject.load = number(0, core::kMaxLoad, rng);
}
void tame(core::Offer& offer, Rng& rng) {
  offer.source_load = number(0, core::kLeaving, rng);
  offer.waited = number<core::Duration>(0, core::kMaxWaited, rng);
  offer.ran = number<core::Duration>(0, core::kMaxWaited, rng);
}
void tame(core::Needs& needs, Rng& rng) {
  needs.priority = number(-9, 10, rng);
  needs.lease = number<core::Duration>(0, core::kMaxLease, rng);
}
void tame(core::LeaseAsk& ask, Rng& rng) {
  ask.asked = number<core::Time>(0, core::kNever, rng);
}
void tame(core::LeaseReply& reply, Rng& rng) {
  reply.asked = number<core::Time>(0, core::kNever, rng);
}

void tame(net::StreamHello& hello, Rng& rng) {
  hello.version = core::kProtocolVersion;
  hello.from = somebody(rng);
}
void tame(net::StreamFile& file, Rng& rng) {
  file.index = number<std::uint32_t>(0, 257, rng);
  file.mode = number<std::uint32_t>(0, 0777, rng);
  file.size = number<std::uint64_t>(0, kMaxSize, rng);
}
void tame(net::StreamChunk& chunk, Rng& rng) {
  chunk.index = number<std::uint32_t>(0, 257, rng);
  chunk.offset = number<std::uint64_t>(0, kMaxSize - 65'536, rng);
  if (chunk.bytes.empty()) chunk.bytes.push_back(0);
}
void tame(net::StreamImage& image, Rng&) {
  if (image.bytes.empty()) image.bytes.push_back(0);
}
void tame(net::Output& output, Rng& rng) {
  output.stream = number<std::uint8_t>(1, 2, rng);
}

void tame(std::vector<net::FileSpec>& files, Rng& rng) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    files[i] = {path_below(rng) + std::to_string(i), absolute_path(rng)};
  }
}
void tame(net::TaskSpec& spec, Rng& rng) {
  if (spec.arguments.empty()) spec.arguments.push_back("true");
  for (auto* texts : {&spec.arguments, &spec.environment}) {
    for (std::string& each : *texts) each = text(200, "abc=\n\t\xff ", rng);
  }
  const std::array<std::string, 3> directories = {"", path_below(rng), absolute_path(rng)};
  spec.directory = directories[rng.below(3)];
  spec.stdin_path = rng.below(2) == 0 ? "" : absolute_path(rng);
  tame(spec.inputs, rng);
  tame(spec.outputs, rng);
  spec.priority = number(-9, 10, rng);
}

// --- Any value of any type

template <typename T>
void fill(T& value, Rng& rng);

void fill(std::string& value, Rng& rng) {
  value = text(core::kMaxNameBytes, {"abc\0\n\x7f\xc3\xa9\xff", 9}, rng);
}

void fill(core::Name& value, Rng& rng) {
  value = text(core::kMaxNameBytes, "board-0123456789.\xc3\xa9", rng);
}

template <std::size_t kSize>
void fill(std::array<std::uint8_t, kSize>& value, Rng& rng) {
  for (std::uint8_t& byte : value) byte = static_cast<std::uint8_t>(rng.below(256));
}

template <typename T>
void fill(std::vector<T>& value, Rng& rng) {
  value.resize(length(core::kMaxMembersPerMessage, rng));
  for (T& element : value) fill(element, rng);
}

template <typename T>
void fill(T& value, Rng& rng) {
  if constexpr (std::is_same_v<T, core::PeerId>) {
    value = rng.below(4) == 0 ? core::PeerId::none : somebody(rng);
  } else if constexpr (std::is_enum_v<T>) {
    static_assert(kEnumerators<T> > 0);
    value = static_cast<T>(rng.below(kEnumerators<T>));
  } else if constexpr (std::is_same_v<T, bool>) {
    value = rng.below(2) == 0;
  } else if constexpr (std::is_integral_v<T>) {
    value = number(std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), rng);
  } else {
    for_each_member(value, [&rng](auto& member) { fill(member, rng); });
    tame(value, rng);
  }
}

template <typename Variant>
Variant alternative(std::size_t tag, Rng& rng) {
  Variant result;
  const auto take = [&]<std::size_t kTag>(std::integral_constant<std::size_t, kTag>) {
    if (tag == kTag) fill(result.template emplace<kTag>(), rng);
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (take(std::integral_constant<std::size_t, I>{}), ...);
  }
  (std::make_index_sequence<std::variant_size_v<Variant>>{});
  return result;
}

}  // namespace

net::Datagram sample_datagram(std::size_t tag, Rng& rng) {
  net::Datagram datagram;
  datagram.header.from = somebody(rng);
  fill(datagram.header.incarnation, rng);
  if (rng.below(2) == 0) datagram.header.load = number(0, core::kMaxLoad, rng);
  datagram.message = alternative<core::Message>(tag, rng);
  return datagram;
}

net::StreamFrame sample_stream_frame(std::size_t tag, Rng& rng) {
  return alternative<net::StreamFrame>(tag, rng);
}

net::ControlFrame sample_control_frame(std::size_t tag, Rng& rng) {
  net::ControlFrame frame;
  fill(frame.request, rng);
  frame.body = alternative<net::ControlBody>(tag, rng);
  return frame;
}

net::TaskSpec sample_task_spec(Rng& rng) {
  net::TaskSpec spec;
  fill(spec, rng);
  return spec;
}

core::Member largest_member() {
  core::Member member;
  member.id = core::PeerId{std::numeric_limits<std::uint64_t>::max()};
  member.name = std::string(core::kMaxNameBytes, 'n');
  member.endpoint.port = 65'535;
  member.incarnation = std::numeric_limits<core::Incarnation>::max();
  member.accuser = member.id;
  return member;
}

net::TaskRow largest_task_row() {
  net::TaskRow row;
  row.task = std::string(128, 't');
  row.state = row.owner = std::string(63, 's');
  row.command = row.note = std::string(256, 'c');
  row.priority = row.status.value = std::numeric_limits<std::int32_t>::min();
  row.age_us = row.response_us = std::numeric_limits<std::int64_t>::min();
  row.moves = row.probes = row.epoch = std::numeric_limits<std::uint32_t>::max();
  return row;
}

}  // namespace test
