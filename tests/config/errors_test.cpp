// Everything that can be wrong with a configuration, word for word.
#include <string>
#include <utility>

#include "config/keys.h"
#include "config/suggestion.h"
#include "tests/catch.h"
#include "tests/config/fixture.h"

TEST_CASE_METHOD(ConfigFixture, "misspelt keys and sections are suggested") {
  CHECK(errors("# one\n[limits]\n\nprobe_limt = 4\n") ==
        Lines{"c:4: limits.probe_limt: unknown key; did you mean limits.probe_limit?"});
  CHECK(errors("[policy]\nprobe_limit = 4\n") ==
        Lines{"c:2: policy.probe_limit: unknown key; did you mean limits.probe_limit?"});
  CHECK(errors("probe_timeout = 4\n") ==
        Lines{"c:1: probe_timeout: unknown key; did you mean limits.probe_timeout or "
              "membership.probe_timeout?"});
  CHECK(errors("[node]\nfavourite_colour = blue\n") ==
        Lines{"c:2: node.favourite_colour: unknown key; allowed: the keys that peerd --help "
              "lists"});
  CHECK(errors("[limts]\nprobe_limit = 4\nanything = 5\n") ==
        Lines{"c:1: [limts]: unknown section; did you mean [limits]?"});
  CHECK(errors("[astrology]\n") ==
        Lines{"c:1: [astrology]: unknown section; allowed: [node], [load], [policy], [limits], "
              "[membership], [network]"});
  CHECK(errors("[]\n").size() == 1);
}

TEST_CASE_METHOD(ConfigFixture, "bad values are named with what is allowed") {
  const std::pair<std::string, std::string> cases[] = {
      {"limits.probe_limit = many", "\"many\" is not a whole number; allowed: 0 ... 64"},
      {"limits.probe_limit = 65", "\"65\" is out of range; allowed: 0 ... 64"},
      {"limits.probe_limit =", "\"\" is not a whole number; allowed: 0 ... 64"},
      {"limits.probe_timeout = 100",
       "\"100\" has no unit (known: us, ms, s, min, h); allowed: 1ms ... 1min"},
      {"limits.output_bytes = 1KiB", "\"1KiB\" is out of range; allowed: 4KiB ... 1024TiB"},
      {"membership.view = 7", "\"7\" is out of range; allowed: full, 8 ... 1024"},
      {"load.weight = 0", "\"0\" is out of range; allowed: 0.001 ... 1000"},
      {"network.insecure = yes", "\"yes\" is unknown; allowed: true, false"},
      {"node.log_level = loud", "\"loud\" is unknown; allowed: error, warning, info, debug"},
      {"policy.preset = better",
       "\"better\" is unknown; allowed: none, random, sender, receiver, symmetric, adaptive, "
       "push, pull, late_binding, best"},
      {"policy.transfer = fear",
       "\"fear\" is unknown; allowed: threshold, dual_threshold, lookahead, "
       "never"},
      {"node.name = a b",
       "\"a b\" contains another character; allowed: 1 ... 63 letters, digits, '-', '_' and '.'"},
      {"node.name =", "\"\" is empty; allowed: 1 ... 63 letters, digits, '-', '_' and '.'"},
      {"node.state_directory = ~/peerd",
       "\"~/peerd\" is not absolute; allowed: an absolute path of at most 1024 bytes"},
      {"node.socket = /" + std::string(107, 's'),
       "\"/" + std::string(59, 's') +
           "...\" is 108 bytes long; allowed: an absolute path of at most 107 bytes"},
      {"network.listen = 7400",
       "\"7400\" is not an address with a port; allowed: address:port, as 127.0.0.1:7400 or "
       "[::1]:7400, port 0 ... 65535"},
      {"network.listen = localhost:7400",
       "\"localhost:7400\" is not an address with a port; allowed: address:port, as "
       "127.0.0.1:7400 or [::1]:7400, port 0 ... 65535"},
      {"membership.seeds = a:1, b",
       "\"b\" is not a host with a port; allowed: up to 64 of host:port, separated by commas, "
       "port 1 ... 65535"},
      {"membership.seeds = a:0",
       "\"a:0\" is not a host with a port; allowed: up to 64 of host:port, separated by commas, "
       "port 1 ... 65535"},
  };
  for (const auto& [line, expected] : cases) {
    const std::string key = line.substr(0, line.find(' '));
    CHECK(errors("\n" + line + "\n") == Lines{"c:2: " + key + ": " + expected});
  }
  std::string seeds = "membership.seeds = a:1";
  for (int i = 0; i < 64; ++i) seeds += ",a:1";
  CHECK(errors(seeds) == Lines{"c:1: membership.seeds: 65 seeds are too many; allowed: up to 64 of "
                               "host:port, separated by commas, port 1 ... 65535"});
}

TEST_CASE_METHOD(ConfigFixture, "contradictions point at what was given") {
  CHECK(errors("[policy]\nlow = 3\nhigh = 2\n") ==
        Lines{"c:2: policy.low: low = 3 and high = 2 contradict each other; allowed: low < high"});
  CHECK(errors("[policy]\nlow = 2\nhigh = 2\n").size() == 1);
  CHECK(errors("[policy]\n\nhigh = 0.5\n") ==
        Lines{"c:3: policy.high: low = 1 and high = 0.5 contradict each other; allowed: low < "
              "high"});
  // Only who reads both is troubled.
  CHECK(errors("[policy]\npreset = sender\nlow = 3\nhigh = 2\n").empty());
  CHECK(errors("limits.probe_timeout = 2s\n") ==
        Lines{"c:1: limits.probe_timeout: probe_timeout = 2s and search_timeout = 1s contradict "
              "each other; allowed: probe_timeout <= search_timeout"});
  CHECK(errors("limits.transfer_timeout = 100ms\n") ==
        Lines{"c:1: limits.transfer_timeout: grant_timeout = 500ms and transfer_timeout = 100ms "
              "contradict each other; allowed: grant_timeout <= transfer_timeout"});
  CHECK(errors("membership.probe_interval = 500ms\n") ==
        Lines{"c:1: membership.probe_interval: probe_timeout = 500ms and probe_interval = 500ms "
              "contradict each other; allowed: probe_timeout < probe_interval"});
  const std::string pauses =
      " and search_retry = 0 contradict each other: it searches after random pauses of that mean, "
      "and at no other time; allowed: search_retry > 0";
  CHECK(errors("[policy]\npreset = push\n[limits]\nsearch_retry = 0\n") ==
        Lines{"c:4: limits.search_retry: location = push" + pauses});
  CHECK(errors("[policy]\npreset = sender\nlocation = pull\n", {"--limits.search_retry=0"}) ==
        Lines{"command line: limits.search_retry: location = pull" + pauses});
  CHECK(errors("[policy]\npreset = sender\n[limits]\nsearch_retry = 0\n").empty());
  CHECK(errors("[policy]\npreset = push\n").empty());
  const std::string longest(100, 'd');
  CHECK(errors("node.state_directory = /" + longest + "\n") ==
        Lines{"c:1: node.state_directory: the socket's path STATE_DIRECTORY/control.sock is 114 "
              "bytes long; allowed: at most 107, so set node.socket to a shorter one"});
}

TEST_CASE_METHOD(ConfigFixture, "a value that cannot be read is not blamed for more") {
  CHECK(errors("[policy]\nlow = nine\nhigh = 0.5\n").size() == 1);
}

TEST_CASE_METHOD(ConfigFixture, "listening beyond loopback must be asked for") {
  const std::string reason =
      " is not loopback: peers cannot authenticate each other yet, so anyone who reaches the port "
      "could run programs here; allowed: listen on 127.0.0.1, or insecure = true on a network you "
      "trust";
  CHECK(errors("[network]\nlisten = 192.0.2.1:7400\n") ==
        Lines{"c:2: network.listen: listen = 192.0.2.1:7400" + reason});
  CHECK(errors("[network]\nlisten = [2001:db8::1]:7400\ninsecure = false\n") ==
        Lines{"c:2: network.listen: listen = [2001:db8::1]:7400" + reason});
  CHECK(errors("[network]\nlisten = 192.0.2.1:7400\ninsecure = true\n") == Lines{});
  CHECK(errors("[network]\nlisten = 127.0.0.2:7400\n") == Lines{});
  CHECK(errors("[network]\nlisten = [::1]:7400\n") == Lines{});
}

TEST_CASE_METHOD(ConfigFixture, "an address that is every address cannot be advertised") {
  const std::string mend =
      " is no address that others can reach; allowed: advertise = ADDRESS:PORT at which they reach "
      "this peer";
  CHECK(errors("[network]\ninsecure = true\nlisten = 0.0.0.0:7400\n") ==
        Lines{"c:3: network.listen: advertise = 0.0.0.0:7400" + mend});
  CHECK(errors("[network]\nadvertise = [::]:7400\n") ==
        Lines{"c:2: network.advertise: advertise = [::]:7400" + mend});
}

TEST_CASE_METHOD(ConfigFixture, "lines that are no INI are named") {
  CHECK(errors("[limits]\nprobe_limit\n[limits\n= 4\n") ==
        Lines{"c:2: \"probe_limit\" is neither a section nor an assignment; allowed: [section], "
              "key = value, # comment",
              "c:3: \"[limits\" is neither a section nor an assignment; allowed: [section], key = "
              "value, # comment",
              "c:4: limits.: unknown key; allowed: the keys that peerd --help lists"});
}

TEST_CASE_METHOD(ConfigFixture, "a key given twice is an error, in another section or not") {
  CHECK(errors("[limits]\nstreams = 4\n[node]\n[limits]\nstreams = 4\n") ==
        Lines{"c:5: limits.streams: given twice, first in line 2; allowed: once"});
  CHECK(errors("", {"--limits.streams=4", "--limits.streams=4"}) ==
        Lines{"command line: limits.streams: given twice; allowed: once"});
  CHECK(errors("", {"--config=c"}) == Lines{"command line: --config: given twice; allowed: once"});
}

TEST_CASE_METHOD(ConfigFixture, "all errors come at once, in the order of their lines") {
  const Lines all = errors("[limits]\nstreams = 0\nstream = 1\n[policy]\nlow = 3\nhigh = x\n",
                           {"--load.slots=0", "--bogus"});
  CHECK(all == Lines{"c:2: limits.streams: \"0\" is out of range; allowed: 1 ... 65536",
                     "c:3: limits.stream: unknown key; did you mean limits.streams?",
                     "c:6: policy.high: \"x\" is not a decimal number; allowed: 0 ... 1000",
                     "command line: --bogus: unknown option; allowed: the keys that peerd --help "
                     "lists",
                     "command line: load.slots: \"0\" is out of range; allowed: 1 ... 1024"});
}

TEST_CASE_METHOD(ConfigFixture, "a thousand errors are cut short") {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "nonsense\n";
  const Lines all = errors(text);
  REQUIRE(all.size() == 101);
  CHECK(all.back() == "and 900 more");
}

TEST_CASE_METHOD(ConfigFixture, "files that cannot be read, or are no configuration") {
  const auto file_errors = [&](const std::string& path) {
    return without_directory(std::get<config::Errors>(load({"--config=" + path})).lines);
  };
  CHECK(file_errors(scratch_ / "missing") ==
        Lines{"missing: cannot be read: No such file or directory"});
  CHECK(file_errors("/") == Lines{"/: cannot be read: Is a directory"});
  CHECK(file_errors("/dev/zero") == Lines{"/dev/zero: is longer than 1MiB; allowed: at most 1MiB"});
  CHECK(errors(std::string(1 << 20, '\n') + "\n") ==
        Lines{"c: is longer than 1MiB; allowed: at most 1MiB"});
  CHECK(errors(std::string(1 << 20, '\n')) == Lines{});
  CHECK(errors(std::string("[limits]\nstreams = 4\0\n[oops]\n", 29)) ==
        Lines{"c:2: byte 0x00: this is not a text file; allowed: lines of text"});
}

TEST_CASE_METHOD(ConfigFixture, "command lines that are none") {
  const auto option_errors = [](const Lines& options) {
    return std::get<config::Errors>(ConfigFixture::load(options)).lines;
  };
  CHECK(option_errors({"--limits.probe_limt=3"}) ==
        Lines{"command line: --limits.probe_limt: unknown option; did you mean "
              "limits.probe_limit?"});
  CHECK(option_errors({"--limits.probe_lim=3"}).size() == 1);  // not a prefix of a good one
  CHECK(option_errors({"now"}) == Lines{"command line: \"now\" is not an option; allowed: --config "
                                        "FILE and --SECTION.KEY=VALUE"});
  CHECK(option_errors({"--config"}) ==
        Lines{"command line: the required argument for option '--config' is missing; see peerd "
              "--help"});
  CHECK(option_errors({"--policy.low=3", "--policy.high=2"}) ==
        Lines{"command line: policy.low: low = 3 and high = 2 contradict each other; allowed: low "
              "< high"});
}

TEST_CASE("any text is read without harm") {
  ConfigFixture fixture;
  const std::string alphabet = "[]=#. \t\r\nabnode.limits\"";
  std::uint32_t state = 1;
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (int i = 0; i < 200; ++i) {
      state = state * 1664525u + 1013904223u;
      text += alphabet[(state >> 16) % alphabet.size()];
    }
    for (const std::string& line : fixture.errors(text)) {
      REQUIRE(line.find('\n') == std::string::npos);
      REQUIRE(line.size() < 500);
    }
  }
}

TEST_CASE("suggestions are near, or none") {
  CHECK(config::edit_distance("", "abc") == 3);
  CHECK(config::edit_distance("kitten", "sitting") == 3);
  CHECK(config::edit_distance("same", "same") == 0);
  CHECK(config::nearest("limts", {"load", "limits"}) == "limits");
  CHECK_FALSE(config::nearest("wholly different", {"load", "limits"}));
  CHECK_FALSE(config::nearest(std::string(100'000, 'x'), {"load"}));
}
