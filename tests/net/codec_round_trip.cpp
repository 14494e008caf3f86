// What is encoded is decoded again, whatever its values.
#include <algorithm>
#include <span>
#include <string>
#include <variant>

#include "net/codec.h"
#include "tests/catch.h"
#include "tests/net/codec_samples.h"

namespace {

constexpr int kRounds = 300;  // for each type

// Not inside the checks: a failed comparison must not print megabytes.
template <typename T>
std::string difference(const net::Decoded<T>& decoded, const T& expected) {
  if (const auto* error = std::get_if<net::DecodeError>(&decoded))
    return "refused: " + error->reason;
  return std::get<T>(decoded) == expected ? "" : "decoded to another value";
}

std::span<const std::uint8_t> body(const net::Bytes& framed) {
  return std::span(framed).subspan(net::kFrameLengthBytes);
}

std::size_t length(const net::Bytes& framed) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < net::kFrameLengthBytes; ++i) length = length * 256 + framed.at(i);
  return length;
}

}  // namespace

TEST_CASE("every message survives a datagram") {
  core::Rng rng(1);
  for (std::size_t tag = 0; tag < core::kMessages; ++tag) {
    for (int round = 0; round < kRounds; ++round) {
      const net::Datagram datagram = test::sample_datagram(tag, rng);
      REQUIRE(datagram.message.index() == tag);
      const net::Bytes bytes = net::encode(datagram);
      INFO("tag " << tag << ", round " << round);
      REQUIRE(bytes.size() <= net::kMaxDatagramBytes);
      REQUIRE(difference(net::decode_datagram(bytes), datagram) == "");
    }
  }
}

TEST_CASE("every frame survives a stream between peers") {
  core::Rng rng(2);
  for (std::size_t tag = 0; tag < test::kStreamFrames; ++tag) {
    for (int round = 0; round < kRounds; ++round) {
      const net::StreamFrame frame = test::sample_stream_frame(tag, rng);
      REQUIRE(frame.index() == tag);
      const net::Bytes bytes = net::encode(frame);
      INFO("tag " << tag << ", round " << round);
      REQUIRE(length(bytes) == body(bytes).size());
      REQUIRE(difference(net::decode_stream_frame(body(bytes)), frame) == "");
    }
  }
}

TEST_CASE("every frame survives the control socket") {
  core::Rng rng(3);
  for (std::size_t tag = 0; tag < test::kControlFrames; ++tag) {
    for (int round = 0; round < kRounds; ++round) {
      const net::ControlFrame frame = test::sample_control_frame(tag, rng);
      REQUIRE(frame.body.index() == tag);
      const net::Bytes bytes = net::encode(frame);
      INFO("tag " << tag << ", round " << round);
      REQUIRE(length(bytes) == body(bytes).size());
      REQUIRE(difference(net::decode_control_frame(body(bytes)), frame) == "");
    }
  }
}

TEST_CASE("a task's specification survives its file") {
  core::Rng rng(4);
  for (int round = 0; round < kRounds; ++round) {
    const net::TaskSpec spec = test::sample_task_spec(rng);
    INFO("round " << round);
    REQUIRE(difference(net::decode_task_spec(net::encode(spec)), spec) == "");
  }
}

TEST_CASE("the largest legal datagram of each membership message fits") {
  const core::Member member = test::largest_member();
  const std::vector<core::Member> members(core::kMaxMembersPerMessage, member);
  const core::Header header{member.id, member.incarnation, core::kMaxLoad};
  for (const core::Message& message :
       {core::Message(core::Ping{0xffffffff, member.id, members}),
        core::Message(core::Ack{0xffffffff, members}),
        core::Message(core::PingRequest{0xffffffff, member.id, member.endpoint, members}),
        core::Message(core::News{members}), core::Message(core::Join{member})}) {
    const net::Datagram datagram{header, message};
    const net::Bytes bytes = net::encode(datagram);
    CHECK(bytes.size() <= net::kMaxDatagramBytes);
    CHECK(difference(net::decode_datagram(bytes), datagram) == "");
  }
}

TEST_CASE("the largest legal tables fit a frame") {
  net::TaskRows tasks;
  tasks.rows.assign(net::kMaxRows, test::largest_task_row());
  net::PeerRow peer;
  peer.name = peer.address = peer.state = peer.role = std::string(63, 'p');
  net::PeerRows peers;
  peers.rows.assign(net::kMaxRows, peer);
  net::Stats stats;
  stats.rows.assign(net::kMaxRows, {std::string(63, 'g'), std::string(63, 'n'), 1ull << 63});
  net::Lines lines;
  lines.lines.assign(net::kMaxRows, std::string(net::kMaxTraceLineBytes, 'l'));
  for (const net::ControlBody& rows : {net::ControlBody(tasks), net::ControlBody(peers),
                                       net::ControlBody(stats), net::ControlBody(lines)}) {
    const net::ControlFrame frame{0xffffffff, rows};
    const net::Bytes bytes = net::encode(frame);
    CHECK(body(bytes).size() <= net::kMaxFrameBytes);
    CHECK(difference(net::decode_control_frame(body(bytes)), frame) == "");
  }
}

TEST_CASE("a task with as many arguments, variables and files as allowed travels") {
  net::TaskSpec spec;
  spec.arguments.assign(net::kMaxArguments, "argument");
  spec.environment.assign(net::kMaxEnvironment, "KEY=VALUE");
  for (std::size_t i = 0; i < net::kMaxFiles; ++i) {
    spec.inputs.push_back({"in/" + std::to_string(i), "/data/in"});
    spec.outputs.push_back({"out/" + std::to_string(i), "/data/out"});
  }
  spec.arguments.back().assign(net::kMaxTextBytes, 'x');
  const net::StreamFrame frame = net::StreamSpec{spec};
  CHECK(difference(net::decode_stream_frame(body(net::encode(frame))), frame) == "");
  CHECK(difference(net::decode_task_spec(net::encode(spec)), spec) == "");
}

TEST_CASE("a chunk of every size up to the limit travels") {
  for (const std::size_t size : {std::size_t{1}, std::size_t{255}, std::size_t{256},
                                 std::size_t{65'535}, net::kMaxChunkBytes}) {
    const net::StreamFrame frame = net::StreamChunk{257, 1ull << 40, net::Bytes(size, 0xc1)};
    CHECK(difference(net::decode_stream_frame(body(net::encode(frame))), frame) == "");
  }
}

TEST_CASE("an image's bytes travel without copies, in the same frame") {
  for (const std::size_t size : {std::size_t{1}, std::size_t{255}, net::kMaxImageBytes}) {
    const net::Bytes bytes(size, 7);
    const net::Bytes frame = net::encode_image(bytes);
    CHECK((frame == net::encode(net::StreamFrame(net::StreamImage{bytes}))));
    const auto content = std::span(frame).subspan(net::kFrameLengthBytes);
    const auto image = net::image_in(content);
    REQUIRE(image);
    CHECK(image->data() == frame.data() + frame.size() - size);
    CHECK(image->size() == size);
    CHECK_FALSE(net::image_in(content.first(content.size() - 1)));
  }
  const net::Bytes too_many = net::encode_image(net::Bytes(net::kMaxImageBytes + 1));
  CHECK_FALSE(net::image_in(std::span(too_many).subspan(net::kFrameLengthBytes)));
  const net::Bytes none = net::encode_image({});
  CHECK_FALSE(net::image_in(std::span(none).subspan(net::kFrameLengthBytes)));
  const net::Bytes other = net::encode(net::StreamFrame(net::StreamEnd()));
  CHECK_FALSE(net::image_in(std::span(other).subspan(net::kFrameLengthBytes)));
  net::Bytes more = net::encode_image(net::Bytes(5));
  more.push_back(0);
  CHECK_FALSE(net::image_in(std::span(more).subspan(net::kFrameLengthBytes)));
  CHECK_FALSE(net::image_in({}));
}
