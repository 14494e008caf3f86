// What breaks a limit is refused, and the reason says which.
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "net/codec.h"
#include "tests/catch.h"
#include "tests/net/codec_samples.h"

namespace {

const core::PeerId kPeer{7};
const core::TaskId kTask{kPeer, 17};

template <typename T>
std::string reason(const net::Decoded<T>& decoded) {
  const auto* error = std::get_if<net::DecodeError>(&decoded);
  return error == nullptr ? "accepted" : error->reason;
}

net::Bytes body(const net::Bytes& framed) {
  return net::Bytes(framed.begin() + net::kFrameLengthBytes, framed.end());
}

std::string sent(const core::Message& message, const core::Header& header = {kPeer, 1, {}}) {
  return reason(net::decode_datagram(net::encode(net::Datagram{header, message})));
}

std::string sent(const net::StreamFrame& frame) {
  return reason(net::decode_stream_frame(body(net::encode(frame))));
}

std::string sent(const net::ControlBody& frame_body) {
  return reason(net::decode_control_frame(body(net::encode(net::ControlFrame{1, frame_body}))));
}

std::string sent(const net::TaskSpec& spec) {
  const std::string by_file = reason(net::decode_task_spec(net::encode(spec)));
  const std::string by_stream = sent(net::StreamFrame(net::StreamSpec{spec}));
  const std::string by_control = sent(net::ControlBody(net::SubmitRequest{spec}));
  CHECK((by_file == "accepted") == (by_stream == "accepted"));
  CHECK((by_file == "accepted") == (by_control == "accepted"));
  return by_file;
}

net::TaskSpec command() {
  net::TaskSpec spec;
  spec.arguments = {"true"};
  return spec;
}

std::string sent_input(const std::string& name, const std::string& path = "/data/file") {
  net::TaskSpec as_input = command();
  as_input.inputs = {{name, path}};
  net::TaskSpec as_output = command();
  as_output.outputs = {{name, path}};
  const std::string input = sent(as_input);
  CHECK((input == "accepted") == (sent(as_output) == "accepted"));
  return input;
}

template <typename T>
T with(T value, const std::function<void(T&)>& change) {
  change(value);
  return value;
}

}  // namespace

TEST_CASE("datagrams beyond their limits are refused") {
  CHECK(sent(core::Nack{1}) == "accepted");
  CHECK(sent(core::Nack{1}, {core::PeerId::none, 1, {}}) == "field 0: a peer without identity");
  CHECK(sent(core::Nack{1}, {kPeer, 1, core::kMaxLoad}) == "accepted");
  CHECK(sent(core::Nack{1}, {kPeer, 1, core::kMaxLoad + 1}) ==
        "field 2: 1000000001 is not within 0 ... 1000000000");
  CHECK(sent(core::Nack{1}, {kPeer, 1, -1}) == "field 2: -1 is not within 0 ... 1000000000");

  core::Member member = test::largest_member();
  CHECK(sent(core::Join{member}) == "accepted");
  member.name = member.name.text() + "n";
  CHECK(sent(core::Join{member}) ==
        "tag 4: field 0: field 1: a text of 64 bytes, at most 63 allowed");
  member.name = "red\x1b[31m";
  CHECK(sent(core::Join{member}) == "tag 4: field 0: field 1: a name with control characters");
  member.name = "board1";
  member.id = core::PeerId::none;
  CHECK(sent(core::Join{member}) == "tag 4: field 0: field 0: a peer without identity");
  member.id = kPeer;
  member.state = static_cast<core::MemberState>(4);
  CHECK(sent(core::Join{member}) == "tag 4: field 0: field 4: 4 is not within 0 ... 3");

  const core::Member small{.id = kPeer, .name = "n", .endpoint = {}, .incarnation = 1};
  std::vector<core::Member> members(core::kMaxMembersPerMessage, small);
  CHECK(sent(core::News{members}) == "accepted");
  members.push_back(small);
  CHECK(sent(core::News{members}) == "tag 5: field 0: 11 elements, at most 10 allowed");
  const std::vector<core::Member> shuffled(core::kMaxShuffled + 1, small);
  CHECK(sent(core::Shuffle{1, kPeer, shuffled}) ==
        "tag 22: field 2: 9 elements, at most 8 allowed");
  CHECK(sent(core::ShuffleReply{1, shuffled}) == "tag 23: field 1: 9 elements, at most 8 allowed");
  CHECK(sent(core::Ping{1, kPeer, members}) == "tag 0: field 2: 11 elements, at most 10 allowed");
  CHECK(sent(core::Ack{1, members}) == "tag 1: field 1: 11 elements, at most 10 allowed");
  members.pop_back();
  members[9].id = core::PeerId::none;
  CHECK(sent(core::News{members}) == "tag 5: field 0: element 9: field 0: a peer without identity");
}

TEST_CASE("enums and ranges of balancing and handoff are checked") {
  CHECK(sent(core::Probe{1, static_cast<core::Role>(3)}) ==
        "tag 6: field 1: 3 is not within 0 ... 2");
  CHECK(sent(core::Decline{1, static_cast<core::Veto>(core::kVetoes), 0, core::Role::ok}) ==
        "tag 10: field 1: " + std::to_string(core::kVetoes) + " is not within 0 ... " +
            std::to_string(core::kVetoes - 1));
  CHECK(sent(core::LoadReport{-1, core::Role::ok}) ==
        "tag 8: field 0: -1 is not within 0 ... 1000000000");
  CHECK(sent(core::Offer{kTask, 1, {0, 0, 10}, 0, 0, 0, 0}) == "accepted");
  CHECK(sent(core::Offer{kTask, 1, {0, 0, 11}, 0, 0, 0, 0}) ==
        "tag 11: field 2: field 2: 11 is not within -9 ... 10");
  CHECK(sent(core::Offer{kTask, 1, {0, 0, -10}, 0, 0, 0, 0}) ==
        "tag 11: field 2: field 2: -10 is not within -9 ... 10");
  CHECK(sent(core::Offer{kTask, 1, {0, 0, 0}, 0, 0, 0, 0, -1}) ==
        "tag 11: field 7: -1 is not within 0 ... 2592000000000");
  CHECK(sent(core::Grant{{core::PeerId::none, 1}, 1}) == "tag 12: field 0: a task of nobody");
  core::TaskReport report;
  report.task = kTask;
  report.state = static_cast<core::TaskState>(7);
  CHECK(sent(report) == "tag 18: field 2: 7 is not within 0 ... 6");
  report.state = core::TaskState::finished;
  report.status.kind = static_cast<core::ExitStatus::Kind>(5);
  CHECK(sent(report) == "tag 18: field 6: field 0: 5 is not within 0 ... 4");
}

TEST_CASE("a datagram of another version, shape or size is refused") {
  const net::Bytes good = net::encode(net::Datagram{{kPeer, 1, {}}, core::Nack{5}});
  const net::Bytes expected = {0x96, 4, 7, 1, 0xc0, 3, 5};
  REQUIRE((good == expected));
  const auto decoded = [](net::Bytes bytes) { return reason(net::decode_datagram(bytes)); };
  CHECK(decoded(good) == "accepted");

  CHECK(decoded({0x96, 5, 7, 1, 0xc0, 3, 5}) == "protocol version 5, this peer speaks 4");
  CHECK(decoded({0x91, 5}) == "protocol version 5, this peer speaks 4");
  CHECK(decoded({0x92, 5, 0x93, 1, 2, 3}) == "protocol version 5, this peer speaks 4");
  CHECK(decoded({0x91, 4}) == "no header");
  CHECK(decoded({0x94, 4, 7, 1, 0xc0}) == "no tag");
  CHECK(decoded({0x95, 4, 7, 1, 0xc0, 3}) == "tag 3: 0 fields instead of 1");
  CHECK(decoded({0x97, 4, 7, 1, 0xc0, 3, 5, 6}) == "tag 3: 2 fields instead of 1");
  CHECK(decoded({0x96, 4, 7, 1, 0xc0, 40, 5}) == "unknown tag 40");
  CHECK(decoded({0x96, 4, 7, 1, 0xc0, 0xa1, 'a', 5}) == "tag: a text instead of a number");
  CHECK(decoded({0x96, 4, 7, 1, 0xc0, 3, 0xc0}) == "tag 3: field 0: nil instead of a number");
  CHECK(decoded({0x96, 4, 7, 1, 0xc0, 3, 0xff}) ==
        "tag 3: field 0: -1 is not within 0 ... 4294967295");
  CHECK(decoded({0x96, 4, 7, 1, 0xc0, 3, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0}) ==
        "tag 3: field 0: 4294967296 is not within 0 ... 4294967295");
  CHECK(decoded({0x96, 4, 7, 1, 0xc0, 3, 5, 0}) == "1 bytes after the end");
  CHECK(decoded({0x96, 4, 7, 1, 0xc0, 3}) == "truncated");
  CHECK(decoded({}) == "empty");
  CHECK(decoded({5}) == "a number instead of an array");
  CHECK(decoded(net::Bytes(1401, 0xc0)) == "1401 bytes, at most 1400 allowed");

  // A number in a wider form than it needs is the same number.
  CHECK(decoded({0x96, 4, 7, 1, 0xc0, 3, 0xcd, 0, 5}) == "accepted");
  CHECK(decoded({0x96, 4, 7, 1, 0xc0, 3, 0xd3, 0, 0, 0, 0, 0, 0, 0, 5}) == "accepted");
  CHECK(decoded({0x96, 4, 7, 1, 0xc0, 3, 0xce, 0x80, 0, 0, 5}) == "accepted");
  const auto refused = [&](const net::Bytes& number) {
    net::Bytes bytes = {0x96, 4, 7, 1, 0xc0, 3};
    bytes.insert(bytes.end(), number.begin(), number.end());
    return decoded(bytes);
  };
  const std::string range = " is not within 0 ... 4294967295";
  CHECK(refused({0xe0}) == "tag 3: field 0: -32" + range);
  CHECK(refused({0xd0, 0x80}) == "tag 3: field 0: -128" + range);
  CHECK(refused({0xd1, 0x80, 1}) == "tag 3: field 0: -32767" + range);
  CHECK(refused({0xd2, 0x80, 0, 0, 1}) == "tag 3: field 0: -2147483647" + range);
  CHECK(refused({0xd3, 0x80, 0, 0, 0, 0, 0, 0, 1}) ==
        "tag 3: field 0: -9223372036854775807" + range);
  CHECK(refused({0xd1, 0x80}) == "truncated");
  CHECK(refused({0xcf, 0x80, 0, 0, 0, 0, 0, 0}) == "truncated");
}

TEST_CASE("hostile claims are refused") {
  const auto all_decoders = [](const net::Bytes& bytes) {
    const std::string datagram = reason(net::decode_datagram(bytes));
    CHECK(reason(net::decode_stream_frame(bytes)) == datagram);
    CHECK(reason(net::decode_control_frame(bytes)) == datagram);
    CHECK(reason(net::decode_task_spec(bytes)) == datagram);
    CHECK(reason(net::decode_executor_frame(bytes)) == datagram);
    return datagram;
  };
  CHECK(all_decoders({0xdd, 0xff, 0xff, 0xff, 0xff}) == "an array longer than the input");
  CHECK(all_decoders({0xdc, 0xff, 0xff}) == "an array longer than the input");
  CHECK(all_decoders({0x92, 2, 0xdd, 0x7f, 0xff, 0xff, 0xff}) == "an array longer than the input");
  CHECK(all_decoders({0xdb, 0xff, 0xff, 0xff, 0xff}) == "truncated");
  CHECK(all_decoders({0xc6, 0xff, 0xff, 0xff, 0xff}) == "truncated");
  CHECK(all_decoders({0xc6, 0xff, 0xff, 0xff, 0xff, 1, 2, 3}) == "truncated");
  CHECK(all_decoders({0xdf, 0xff, 0xff, 0xff, 0xff}) == "a map, which no message has");
  CHECK(all_decoders({0x80}) == "a map, which no message has");
  CHECK(all_decoders({0xc9, 0xff, 0xff, 0xff, 0xff}) != "accepted");
  CHECK(all_decoders({0xc9, 0x7f, 0xff, 0xff, 0xff, 0}) == "an extension, which no message has");
  CHECK(all_decoders({0xd4, 0, 0}) == "an extension, which no message has");
  CHECK(all_decoders({0xca, 0, 0, 0, 0}) == "a float, which no message has");
  CHECK(all_decoders({0xcb, 0, 0, 0, 0, 0, 0, 0, 0}) == "a float, which no message has");
  CHECK(all_decoders({0xc1}) == "not msgpack");
  CHECK(all_decoders(net::Bytes(1000, 0x91)) == "arrays nested too deep");
  CHECK(all_decoders(net::Bytes(9, 0x90)) == "8 bytes after the end");

  net::Bytes many(100'000, 0xc0);
  many[0] = 0xdd;
  many[1] = many[2] = 0;
  many[3] = 0xff;
  many[4] = 0xff;
  CHECK(reason(net::decode_stream_frame(many)) == "too many values");
  CHECK(reason(net::decode_control_frame(many)) == "too many values");
}

TEST_CASE("stream frames beyond their limits are refused") {
  net::StreamHello hello{core::kProtocolVersion, net::StreamHello::Kind::results, kPeer, kTask, 3};
  CHECK(sent(hello) == "accepted");
  hello.version = 5;
  CHECK(sent(hello) == "tag 0: field 0: protocol version 5, this peer speaks 4");
  const net::Bytes next_hello = {0x93, 0, 5, 0xa0};  // whatever a later version says after it
  CHECK(reason(net::decode_stream_frame(next_hello)) ==
        "tag 0: field 0: protocol version 5, this peer speaks 4");
  hello.version = core::kProtocolVersion;
  hello.kind = static_cast<net::StreamHello::Kind>(2);
  CHECK(sent(hello) == "tag 0: field 1: 2 is not within 0 ... 1");
  hello.kind = net::StreamHello::Kind::bundle;
  hello.from = core::PeerId::none;
  CHECK(sent(hello) == "tag 0: field 2: a peer without identity");

  const net::StreamFile file{257, 0777, 1};
  CHECK(sent(file) == "accepted");
  CHECK(sent(with<net::StreamFile>(file, [](auto& f) { f.index = 258; })) ==
        "tag 2: field 0: 258 is not within 0 ... 257");
  CHECK(sent(with<net::StreamFile>(file, [](auto& f) { f.mode = 04755; })) ==
        "tag 2: field 1: 2541 is not within 0 ... 511");
  CHECK(sent(with<net::StreamFile>(file, [](auto& f) { f.size = 1ull << 63; })) ==
        "tag 2: field 2: 9223372036854775808 is not within 0 ... 9223372036854775807");

  const net::StreamChunk chunk{0, 0, net::Bytes(net::kMaxChunkBytes)};
  CHECK(sent(chunk) == "accepted");
  CHECK(sent(with<net::StreamChunk>(chunk, [](auto& c) { c.bytes.push_back(0); })) ==
        "tag 3: field 2: 65537 bytes, between 1 and 65536 allowed");
  CHECK(sent(with<net::StreamChunk>(chunk, [](auto& c) { c.bytes.clear(); })) ==
        "tag 3: field 2: 0 bytes, between 1 and 65536 allowed");
  CHECK(sent(with<net::StreamChunk>(chunk, [](auto& c) { c.offset = (1ull << 63) - 65'536; })) !=
        "accepted");
  CHECK(sent(with<net::StreamChunk>(chunk, [](auto& c) { c.index = 258; })) != "accepted");

  net::StreamTrace trace{std::vector<std::string>(net::kMaxTraceLines, "line")};
  CHECK(sent(trace) == "accepted");
  trace.lines.push_back("line");
  CHECK(sent(trace) == "tag 4: field 0: 257 elements, at most 256 allowed");

  const net::Bytes long_error = [] {
    net::Bytes bytes = {0x93, 7, 0xc2, 0xda, 0x04, 0x01};  // 1025 bytes of text
    bytes.insert(bytes.end(), 1025, 'e');
    return bytes;
  }();
  CHECK(reason(net::decode_stream_frame(long_error)) ==
        "tag 7: field 1: a text of 1025 bytes, at most 1024 allowed");
  CHECK(reason(net::decode_stream_frame(net::Bytes(net::kMaxFrameBytes + 1, 0xc0))) ==
        "1114113 bytes, at most 1114112 allowed");
}

TEST_CASE("control frames beyond their limits are refused") {
  CHECK(sent(net::WaitRequest{std::string(128, 't')}) == "accepted");
  CHECK(sent(net::WaitRequest{std::string(129, 't')}) ==
        "tag 2: field 0: a text of 129 bytes, at most 128 allowed");
  CHECK(sent(net::Output{0, {}}) == "tag 11: field 0: 0 is not within 1 ... 2");
  CHECK(sent(net::Output{3, {}}) == "tag 11: field 0: 3 is not within 1 ... 2");
  CHECK(sent(net::Output{1, net::Bytes(net::kMaxChunkBytes + 1)}) ==
        "tag 11: field 1: 65537 bytes, between 0 and 65536 allowed");
  CHECK(sent(net::TaskRows{std::vector<net::TaskRow>(1025), false}) ==
        "tag 15: field 0: 1025 elements, at most 1024 allowed");
  CHECK(sent(net::PeerRows{std::vector<net::PeerRow>(1025), false}) != "accepted");
  CHECK(sent(net::Stats{std::vector<net::StatRow>(1025)}) != "accepted");
  CHECK(sent(net::Lines{std::vector<std::string>(1025), false}) != "accepted");
  CHECK(reason(net::decode_control_frame(net::Bytes{0x91, 2})) == "no request number and tag");
  CHECK(reason(net::decode_control_frame(net::Bytes{0x92, 1, 23})) == "unknown tag 23");
}

TEST_CASE("a greeting of another version reaches the daemon, which answers it") {
  CHECK(sent(net::ControlHello{3}) == "accepted");
  CHECK(sent(net::ControlHello{65'535}) == "accepted");
}

TEST_CASE("words for people are cut, not refused") {
  const auto cut = [](const std::string& error) {
    const auto decoded = net::decode_stream_frame(body(net::encode(net::StreamDone{false, error})));
    return std::get<net::StreamDone>(std::get<net::StreamFrame>(decoded)).error;
  };
  CHECK(cut(std::string(2000, 'e')) == std::string(1024, 'e'));
  const std::string e_acute = "\xc3\xa9";
  CHECK(cut(std::string(1023, 'e') + e_acute) == std::string(1023, 'e'));
  CHECK(cut(std::string(1022, 'e') + e_acute) == std::string(1022, 'e') + e_acute);
  CHECK(cut(std::string(2000, '\x80')).empty());

  net::TaskRow row;
  row.command = std::string(300, 'c');
  CHECK(sent(net::TaskRows{{row}, false}) == "accepted");
}

TEST_CASE("file names that lead out of the task's directory are refused") {
  CHECK(sent_input("a") == "accepted");
  CHECK(sent_input("a/b.c/..d/e..") == "accepted");
  for (const std::string& name :
       {std::string(""), std::string("/"), std::string("/etc/passwd"), std::string(".."),
        std::string("../a"), std::string("a/.."), std::string("a/../b"), std::string("a//b"),
        std::string("a/"), std::string("."), std::string("./a"), std::string("a/./b")}) {
    CHECK(sent_input(name) == "input '" + name + "' is not a name below the task's directory");
  }
  CHECK(sent_input(std::string("a\0b", 3)) == "input with a NUL byte");
  CHECK(sent_input("a", std::string("/a\0b", 4)) == "input with a NUL byte");
  CHECK(sent_input("a", "") == "input 'a' without an absolute path");
  CHECK(sent_input("a", "b/c") == "input 'a' without an absolute path");
}

TEST_CASE("a specification that cannot be acted on is refused") {
  const auto changed = [](const std::function<void(net::TaskSpec&)>& change) {
    return sent(with<net::TaskSpec>(command(), change));
  };
  using Spec = net::TaskSpec;
  CHECK(sent(command()) == "accepted");
  CHECK(changed([](Spec& s) { s.arguments.clear(); }) == "a task without a command");
  CHECK(changed([](Spec& s) { s.arguments.emplace_back("a\0b", 3); }) ==
        "an argument with a NUL byte");
  CHECK(changed([](Spec& s) { s.environment.emplace_back("A=\0", 3); }) ==
        "a variable with a NUL byte");
  CHECK(changed([](Spec& s) { s.directory = "below/it"; }) == "accepted");
  CHECK(changed([](Spec& s) { s.directory = "/tmp/../var"; }) == "accepted");
  CHECK(changed([](Spec& s) { s.directory = "../up"; }) ==
        "directory '../up' is neither absolute nor below the task's");
  CHECK(changed([](Spec& s) { s.directory.assign("a\0b", 3); }) == "a directory with a NUL byte");
  CHECK(changed([](Spec& s) { s.stdin_path = "in"; }) == "a stdin path that is not absolute");
  CHECK(changed([](Spec& s) { s.stdin_path.assign("/\0", 2); }) == "a stdin path with a NUL byte");
  CHECK(changed([](Spec& s) {
          s.inputs = {{"a", "/x"}, {"b", "/x"}, {"a", "/y"}};
        }) == "input 'a' twice");
  CHECK(changed([](Spec& s) { s.outputs = {{"a", "/x"}, {"a", "/y"}}; }) == "output 'a' twice");
  CHECK(changed([](Spec& s) { s.inputs = s.outputs = {{"a", "/x"}}; }) == "accepted");
  CHECK(changed([](Spec& s) { s.priority = 11; }) != "accepted");
  CHECK(changed([](Spec& s) { s.priority = -10; }) != "accepted");
  CHECK(changed([](Spec& s) { s.arguments.assign(1025, "a"); }) != "accepted");
  CHECK(changed([](Spec& s) { s.environment.assign(257, "A=b"); }) != "accepted");
  CHECK(changed([](Spec& s) { s.arguments[0].assign(net::kMaxTextBytes + 1, 'a'); }) != "accepted");
  CHECK(changed([](Spec& s) {
          for (int i = 0; i < 257; ++i) s.inputs.push_back({std::to_string(i), "/x"});
        }) != "accepted");
  CHECK(changed([](Spec& s) { s.arguments.assign(9, std::string(net::kMaxTextBytes, 'a')); }) !=
        "accepted");
}

TEST_CASE("a specification's file of another version is refused") {
  CHECK(reason(net::decode_task_spec(net::Bytes{0x92, 4, 0xc0})) ==
        "protocol version 4, this peer speaks 3");
  CHECK(reason(net::decode_task_spec(net::Bytes{0x91, 3})) == "1 elements instead of 2");
}
