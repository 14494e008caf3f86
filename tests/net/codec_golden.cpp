// The bytes of a few messages, so that nobody changes the format without noticing. If one of these
// has to change, so has the protocol version.
#include <string>

#include "net/codec.h"
#include "tests/catch.h"

namespace {

std::string hexadecimal(const net::Bytes& bytes) {
  static constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte / 16];
    text += kDigits[byte % 16];
  }
  return text;
}

const core::PeerId kPeer{0x0102030405060708};
const core::TaskId kTask{kPeer, 17};
const core::Endpoint kEndpoint{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}, 7400};

std::string datagram(const core::Message& message) {
  return hexadecimal(net::encode(net::Datagram{{kPeer, core::first_incarnation(1), {}}, message}));
}

}  // namespace

TEST_CASE("the bytes of datagrams are what they were") {
  const std::string opening =
      "04cf0102030405060708cf0000000100000000";  // version, from, incarnation
  const std::string endpoint = "92c41000000000000000000000ffff7f000001cd1ce8";
  CHECK(datagram(core::Probe{300, core::Role::receiver}) ==
        "99" + opening + "c0" + "06" + "cd012c02c200");
  CHECK(hexadecimal(net::encode(
            net::Datagram{{kPeer, core::first_incarnation(1), 1500}, core::Request{1}})) ==
        "97" + opening + "cd05dc" + "09" + "0100");
  CHECK(datagram(core::ProbeReply{1, 2000, core::Role::ok, core::Veto::draining, 3}) ==
        "9d" + opening + "c0" + "07" + "01cd07d0010503c200" +
            "92c4100000000000000000000000000000000000");
  const core::Member member{.id = kPeer,
                            .name = "board1",
                            .endpoint = kEndpoint,
                            .state = core::MemberState::suspect,
                            .draining = true,
                            .age = 5,
                            .incarnation = 1,
                            .accuser = core::PeerId{9}};
  CHECK(datagram(core::Ping{7, core::PeerId{2}, {member}}) ==
        "98" + opening + "c0" + "00" + "0702" + "91" + "98cf0102030405060708" + "a6626f61726431" +
            endpoint + "0101c30905");
  CHECK(datagram(core::ShuffleReply{7, {}}) == "97" + opening + "c0" + "17" + "0790");
  core::Offer offer{kTask, 2, {1 << 20, 70'000, -1}, 1, 6, 4, 2500, 70'000, kEndpoint};
  const std::string offered = "dc0012" + opening + "c0" + "0b" + "92cf010203040506070811" + "02" +
                              "94ce00100000ce00011170ff00" + "010604cd09c4" + "ce00011170" +
                              endpoint;
  CHECK(datagram(offer) == offered + "c2c20000");
  offer.wanted = offer.running = true;
  offer.image_bytes = 65536;
  offer.ran = 5;
  CHECK(datagram(offer) == offered + "c3c3ce0001000005");
  CHECK(datagram(core::Prepared{kTask, 2, true}) ==
        "98" + opening + "c0" + "0e" + "92cf010203040506070811" + "02c3");
  CHECK(datagram(core::Commit{kTask, 2}) ==
        "97" + opening + "c0" + "0f" + "92cf010203040506070811" + "02");
  CHECK(datagram(core::LeaseAsk{kTask, 2, 300, 1, 3}) ==
        "9a" + opening + "c0" + "19" + "92cf010203040506070811" + "02cd012c0103");
  CHECK(datagram(core::LeaseReply{kTask, 2, 300, 1, true}) ==
        "9a" + opening + "c0" + "1a" + "92cf010203040506070811" + "02cd012c01c3");
  CHECK(datagram(core::TaskReport{kTask,
                                  3,
                                  core::TaskState::finished,
                                  core::PeerId{4},
                                  2,
                                  6,
                                  {core::ExitStatus::Kind::signaled, 9},
                                  kEndpoint}) == "9d" + opening + "c0" + "12" +
                                                     "92cf010203040506070811" + "0303040206" +
                                                     "920109" + endpoint);
}

TEST_CASE("the bytes of stream frames are what they were") {
  const net::StreamHello hello{1, net::StreamHello::Kind::results, core::PeerId{5}, kTask, 2};
  CHECK(hexadecimal(net::encode(hello)) ==
        "00000011"
        "96"
        "00"
        "010105"
        "92cf010203040506070811"
        "02");
  CHECK(hexadecimal(net::encode(net::StreamFile{1, 0644, 10})) ==
        "00000007"
        "94"
        "02"
        "01cd01a40a");
  CHECK(hexadecimal(net::encode(net::StreamChunk{1, 65'536, {1, 2, 3}})) ==
        "0000000d"
        "94"
        "03"
        "01ce00010000c403010203");
  CHECK(hexadecimal(net::encode(net::StreamEnd{})) ==
        "00000002"
        "91"
        "06");
  CHECK(hexadecimal(net::encode(net::StreamDone{false, "full"})) ==
        "00000008"
        "93"
        "07"
        "c2a466756c6c");
}

TEST_CASE("the bytes of control frames are what they were") {
  CHECK(hexadecimal(net::encode(net::ControlFrame{7, net::ControlHello{1}})) ==
        "00000004"
        "93"
        "07"
        "00"
        "01");
  CHECK(hexadecimal(net::encode(net::ControlFrame{7, net::OutputRequest{"17", true}})) ==
        "00000007"
        "94"
        "07"
        "03"
        "a23137c3");
  CHECK(hexadecimal(net::encode(net::ControlFrame{1, net::Done{}})) ==
        "00000003"
        "92"
        "01"
        "0d");
}

TEST_CASE("the bytes of a specification are what they were") {
  net::TaskSpec spec;
  spec.arguments = {"xz", "-9"};
  spec.environment = {"A=b"};
  spec.inputs = {{"f", "/f"}};
  spec.priority = -9;
  spec.pinned = true;
  CHECK(hexadecimal(net::encode(spec)) ==
        "92"
        "03"
        "9c"
        "92a2787aa22d39"
        "91a3413d62"
        "a0"
        "a0"
        "9192a166a22f66"
        "90"
        "f7"
        "00"
        "00"
        "c3"
        "c2"
        "ceffffffff");
}
