// Between peerd and its executor, too, what breaks a limit is refused, and the reason says which.
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "net/codec.h"
#include "tests/catch.h"

namespace {

using namespace net::executor;

const core::TaskId kTask{core::PeerId{7}, 17};
constexpr std::size_t kLongTextBytes = 2 * net::kMaxTextBytes;
constexpr std::uint8_t kNil = 0xc0;

net::Bytes body(const Frame& frame) {
  const net::Bytes framed = net::encode(frame);
  return net::Bytes(framed.begin() + net::kFrameLengthBytes, framed.end());
}

std::string decoded(const net::Bytes& bytes) {
  const auto result = net::decode_executor_frame(bytes);
  const auto* error = std::get_if<net::DecodeError>(&result);
  return error == nullptr ? "accepted" : error->reason;
}

// Not inside the checks: a failed comparison must not print megabytes.
std::string sent(const Frame& frame) {
  const auto result = net::decode_executor_frame(body(frame));
  if (const auto* error = std::get_if<net::DecodeError>(&result)) return error->reason;
  return std::get<Frame>(result) == frame ? "accepted" : "accepted as another";
}

std::string text(std::size_t bytes) {
  return std::string(bytes, 't');
}

Start start(const std::function<void(net::ProcessSpec&)>& change = [](auto&) {}) {
  Start frame{kTask, 3, {}, true};
  frame.process.arguments = {"true"};
  change(frame.process);
  return frame;
}

Copy copy(std::vector<Copy::File> files) {
  return {1, 1000, Copy::Direction::to_user, std::move(files), 1 << 20};
}

// One of each, in the order of their tags.
std::vector<Frame> one_of_each() {
  const core::ExitStatus status{core::ExitStatus::Kind::signaled, 9};
  return {Hello{.limits = "rlimits", .root = true},
          Stay{kTask, 3, Stay::State::ended, true, status, "killed", 5},
          Ready{},
          Ended{kTask, 3, status, "killed"},
          Checked{true, "CRIU"},
          Inspected{kTask, 3, "", 4096, "files"},
          Moved{kTask, 3, true, false, "", 1, 2, 3, 4},
          start(),
          Stop{kTask, 3, core::kSecond},
          Kill{kTask, 3},
          Discard{kTask, 3},
          Check{},
          Inspect{kTask, 3, true},
          Dump{kTask, 3, "/fifo"},
          Restore{kTask, 3, "/stay", "/fifo", 1 << 20, 1000, 60, 64 << 20},
          Resume{kTask, 3},
          Quit{},
          Lease{kTask, 3, core::kNever},
          copy({{"/a", "/b"}}),
          Copied{1, Copied::Failure::too_large, "too large", 2}};
}

struct TextField {
  std::string where;
  std::size_t max_bytes;
  std::function<Frame(const std::string&)> frame;
};

// Which a program relies on.
std::vector<TextField> texts() {
  using Process = net::ProcessSpec;
  const auto process = [](std::string Process::*member) {
    return [member](const std::string& t) { return start([&](Process& p) { p.*member = t; }); };
  };
  return {
      {"tag 5: field 4", net::kMaxSpecBytes,
       [](const std::string& t) {
         return Inspected{kTask, 3, "", 0, t};
       }},
      {"tag 7: field 2: field 0: element 1", net::kMaxTextBytes,
       [](const std::string& t) { return start([&](Process& p) { p.arguments.push_back(t); }); }},
      {"tag 7: field 2: field 1: element 0", kLongTextBytes,
       [](const std::string& t) { return start([&](Process& p) { p.environment = {t}; }); }},
      {"tag 7: field 2: field 2", kLongTextBytes, process(&Process::directory)},
      {"tag 7: field 2: field 3", kLongTextBytes, process(&Process::stdin_path)},
      {"tag 7: field 2: field 4", kLongTextBytes, process(&Process::stdout_path)},
      {"tag 7: field 2: field 5", kLongTextBytes, process(&Process::stderr_path)},
      {"tag 7: field 2: field 10", kLongTextBytes, process(&Process::own)},
      {"tag 13: field 2", kLongTextBytes,
       [](const std::string& t) {
         return Dump{kTask, 3, t};
       }},
      {"tag 14: field 2", kLongTextBytes,
       [](const std::string& t) { return Restore{.task = kTask, .directory = t, .fifo = ""}; }},
      {"tag 14: field 3", kLongTextBytes,
       [](const std::string& t) { return Restore{.task = kTask, .directory = "", .fifo = t}; }},
      {"tag 18: field 3: element 0: field 0", kLongTextBytes,
       [](const std::string& t) {
         return copy({{t, ""}});
       }},
      {"tag 18: field 3: element 0: field 1", kLongTextBytes,
       [](const std::string& t) {
         return copy({{"", t}});
       }},
  };
}

// For people: cut when they are written.
std::vector<TextField> words() {
  constexpr std::size_t kMax = net::kMaxErrorBytes;
  return {
      {"tag 0: field 1", kMax, [](const std::string& t) { return Hello{.limits = t}; }},
      {"tag 0: field 3", kMax, [](const std::string& t) { return Hello{.not_contained = t}; }},
      {"tag 1: field 5", kMax,
       [](const std::string& t) { return Stay{.task = kTask, .status = {}, .message = t}; }},
      {"tag 3: field 3", kMax,
       [](const std::string& t) {
         return Ended{kTask, 3, {}, t};
       }},
      {"tag 4: field 1", kMax,
       [](const std::string& t) {
         return Checked{true, t};
       }},
      {"tag 5: field 2", kMax,
       [](const std::string& t) {
         return Inspected{kTask, 3, t, 0, ""};
       }},
      {"tag 6: field 4", kMax,
       [](const std::string& t) { return Moved{.task = kTask, .message = t}; }},
      {"tag 19: field 2", kMax, [](const std::string& t) { return Copied{.message = t}; }},
  };
}

std::string too_long(const TextField& field) {
  return field.where + ": a text of " + std::to_string(field.max_bytes + 1) + " bytes, at most " +
         std::to_string(field.max_bytes) + " allowed";
}

// As an encoder that does not cut would write it: a text of 1024 bytes gets one more.
net::Bytes with_longer_words(net::Bytes bytes) {
  static_assert(net::kMaxErrorBytes == 1024);
  for (std::size_t i = 0; i + 2 < bytes.size(); ++i) {
    if (bytes[i] != 0xda || bytes[i + 1] != 4 || bytes[i + 2] != 0) continue;
    bytes[i + 2] = 1;
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(i) + 3, 't');
    return bytes;
  }
  return bytes;
}

// Enums beyond their last, and what else is no value of its member.
template <typename Enum>
Enum beyond(Enum last) {
  return static_cast<Enum>(static_cast<std::underlying_type_t<Enum>>(last) + 1);
}

}  // namespace

TEST_CASE("executor frames: one of each survives") {
  const std::vector<Frame> frames = one_of_each();
  REQUIRE(frames.size() == std::variant_size_v<Frame>);
  for (std::size_t tag = 0; tag < frames.size(); ++tag) {
    INFO("tag " << tag);
    REQUIRE(frames[tag].index() == tag);
    CHECK(sent(frames[tag]) == "accepted");
  }
}

TEST_CASE("executor frames: texts are taken up to their limits") {
  for (const TextField& field : texts()) {
    CHECK(sent(field.frame(text(field.max_bytes))) == "accepted");
    CHECK(sent(field.frame(text(field.max_bytes + 1))) == too_long(field));
  }
}

TEST_CASE("executor frames: words are cut to their limits, and refused beyond them") {
  for (const TextField& field : words()) {
    const Frame longest = field.frame(text(field.max_bytes));
    CHECK(sent(longest) == "accepted");
    CHECK((body(field.frame(text(2 * field.max_bytes))) == body(longest)));
    CHECK(decoded(with_longer_words(body(longest))) == too_long(field));
  }
}

TEST_CASE("executor frames: lists are taken up to their limits") {
  const auto arguments = [](std::size_t count) {
    return sent(start([&](auto& p) { p.arguments.assign(count, "a"); }));
  };
  CHECK(arguments(1024) == "accepted");
  CHECK(arguments(1025) == "tag 7: field 2: field 0: 1025 elements, at most 1024 allowed");
  const auto variables = [](std::size_t count) {
    return sent(start([&](auto& p) { p.environment.assign(count, "A=b"); }));
  };
  CHECK(variables(272) == "accepted");  // peerd adds some to a task's
  CHECK(variables(273) == "tag 7: field 2: field 1: 273 elements, at most 272 allowed");
  const auto files = [](std::size_t count) {
    return sent(copy(std::vector<Copy::File>(count, {"/a", "/b"})));
  };
  CHECK(files(257) == "accepted");  // standard input, too
  CHECK(files(258) == "tag 18: field 3: 258 elements, at most 257 allowed");
}

TEST_CASE("executor frames: numbers are taken within their ranges") {
  const auto nice = [](int value) { return sent(start([&](auto& p) { p.nice = value; })); };
  CHECK(nice(0) == "accepted");
  CHECK(nice(19) == "accepted");
  CHECK(nice(20) == "tag 7: field 2: field 6: 20 is not within 0 ... 19");
  CHECK(nice(-1) == "tag 7: field 2: field 6: -1 is not within 0 ... 19");

  const std::string range = " is not within 0 ... 9223372036854775807";
  CHECK(sent(Stop{kTask, 3, 0}) == "accepted");
  CHECK(sent(Stop{kTask, 3, core::kNever}) == "accepted");
  CHECK(sent(Stop{kTask, 3, -1}) == "tag 8: field 2: -1" + range);
  CHECK(sent(Lease{kTask, 3, 0}) == "accepted");
  CHECK(sent(Lease{kTask, 3, core::kNever}) == "accepted");
  CHECK(sent(Lease{kTask, 3, -1}) == "tag 17: field 2: -1" + range);
  CHECK(sent(Stay{.task = kTask, .status = {}, .message = "", .until = -1}) ==
        "tag 1: field 6: -1" + range);

  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  CHECK(sent(Moved{kTask, ~core::Epoch{0}, true, true, "", kMost, kMost, kMost, kMost}) ==
        "accepted");
  CHECK(sent(Restore{kTask, 3, "", "", kMost, net::kNoUser, kMost, kMost}) == "accepted");
  CHECK(sent(start([](auto& p) { p.cpu_limit_s = p.memory_limit_bytes = kMost; })) == "accepted");

  const auto state = [](Stay::State value) { return sent(Stay{kTask, 3, value, true, {}, "", 0}); };
  CHECK(state(beyond(Stay::State::ended)) == "tag 1: field 2: 3 is not within 0 ... 2");
  const auto failure = [](Copied::Failure value) { return sent(Copied{1, value, "", 0}); };
  CHECK(failure(beyond(Copied::Failure::too_large)) == "tag 19: field 1: 4 is not within 0 ... 3");
  Copy wrong_way = copy({});
  wrong_way.direction = beyond(Copy::Direction::to_user);
  CHECK(sent(wrong_way) == "tag 18: field 2: 2 is not within 0 ... 1");
  Ended ended{kTask, 3, {beyond(core::ExitStatus::Kind::lost), 0}, ""};
  CHECK(sent(ended) == "tag 3: field 2: field 0: 5 is not within 0 ... 4");
}

TEST_CASE("executor frames: a number too large for its member is refused") {
  // Kill of an epoch of 2^32.
  const net::Bytes bytes = {0x93, 9, 0x92, 7, 17, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0};
  CHECK(decoded(bytes) == "tag 9: field 1: 4294967296 is not within 0 ... 4294967295");
  CHECK(decoded({0x93, 9, 0x92, 7, 17, 0xff}) ==
        "tag 9: field 1: -1 is not within 0 ... 4294967295");
  CHECK(decoded({0x93, 9, 0x92, 7, 17, 5}) == "accepted");
  CHECK(decoded({0x93, 9, 0x92, 0, 17, 5}) == "tag 9: field 0: a task of nobody");
}

TEST_CASE("executor frames: another version is refused, whatever it says after that") {
  Hello hello;
  ++hello.version;
  const std::string refusal = "tag 0: field 0: protocol version " + std::to_string(hello.version) +
                              ", this peer speaks " + std::to_string(kVersion);
  CHECK(sent(hello) == refusal);
  CHECK(decoded({0x93, 0, static_cast<std::uint8_t>(hello.version), 0xa0}) == refusal);
}

TEST_CASE("executor frames: what is cut short or goes on is refused") {
  for (const Frame& frame : one_of_each()) {
    INFO("tag " << frame.index());
    net::Bytes bytes = body(frame);
    for (std::size_t size = 1; size < bytes.size(); ++size) {
      const auto end = bytes.begin() + static_cast<std::ptrdiff_t>(size);
      const std::string refusal = decoded(net::Bytes(bytes.begin(), end));
      CHECK((refusal == "truncated" || refusal == "an array longer than the input"));
    }
    const int fields = bytes[0] - 0x91;
    bytes.push_back(kNil);
    CHECK(decoded(bytes) == "1 bytes after the end");
    ++bytes[0];
    CHECK(decoded(bytes) == "tag " + std::to_string(frame.index()) + ": " +
                                std::to_string(fields + 1) + " fields instead of " +
                                std::to_string(fields));
  }
  CHECK(decoded({}) == "empty");
  CHECK(decoded({0x90}) == "no tag");
  CHECK(decoded({0x91, std::variant_size_v<Frame>}) ==
        "unknown tag " + std::to_string(std::variant_size_v<Frame>));
  CHECK(decoded(net::Bytes(net::kMaxFrameBytes + 1, kNil)) ==
        "1114113 bytes, at most 1114112 allowed");
}

TEST_CASE("executor frames: one whose parts are legal may be too large as a whole") {
  const auto environment = [](std::size_t last_bytes) {
    return start([&](auto& p) {
      p.environment.assign(4, text(kLongTextBytes));
      p.environment.push_back(text(last_bytes));
    });
  };
  const std::size_t around = body(environment(50'000)).size() - 50'000;
  CHECK(sent(environment(net::kMaxFrameBytes - around)) == "accepted");
  CHECK(sent(environment(net::kMaxFrameBytes - around + 1)) ==
        "1114113 bytes, at most 1114112 allowed");
}
