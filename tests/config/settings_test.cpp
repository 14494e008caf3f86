// The keys: each one round-trips, and the sample file shows them all.
#include "config/settings.h"

#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "config/keys.h"
#include "net/transport.h"
#include "tests/catch.h"
#include "tests/config/fixture.h"

using config::Key;
using config::Settings;

namespace {

std::size_t keys_in(const std::string& section) {
  std::size_t count = 0;
  for (const Key& key : config::keys()) count += key.section == section ? 1 : 0;
  return count;
}

// A value that is good and not the default.
std::optional<std::string> other_value(const Key& key) {
  const Settings defaults = config::default_settings();
  for (const char* text : {"false",
                           "true",
                           "yes",
                           "debug",
                           "none",
                           "never",
                           "longest_running",
                           "smallest",
                           "random",
                           "periodic",
                           "7",
                           "70",
                           "0.7",
                           "7s",
                           "70ms",
                           "7MiB",
                           "192.0.2.7:7777",
                           "seven",
                           "/seven",
                           "seven:7, [::1]:7"}) {
    Settings changed = defaults;
    if (!key.parse(text, changed) && changed != defaults) return text;
  }
  return std::nullopt;
}

std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The sample with every "#key = value" active whose value is the default on every machine.
std::string uncommented(const std::string& sample) {
  std::istringstream lines(sample);
  std::string result, section;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('[')) section = line.substr(1, line.size() - 2);
    const std::string name = line.substr(0, line.find(" = "));
    const Key* key =
        name.starts_with('#') ? config::find_key(section + "." + name.substr(1)) : nullptr;
    result += (key != nullptr && key->example.empty() ? line.substr(1) : line) + "\n";
  }
  return result;
}

}  // namespace

TEST_CASE("every key prints what it parses, into a field of its own") {
  const Settings defaults = config::default_settings();
  for (const Key& key : config::keys()) {
    CAPTURE(key.full_name());
    const auto text = other_value(key);
    REQUIRE(text);
    Settings changed = defaults;
    REQUIRE_FALSE(key.parse(*text, changed));
    const std::string printed = key.print(changed);
    CHECK(printed != key.print(defaults));

    Settings again = defaults;
    REQUIRE_FALSE(key.parse(printed, again));
    CHECK(again == changed);
    REQUIRE_FALSE(key.parse(key.print(defaults), again));
    CHECK(again == defaults);

    if (key.name == "preset") continue;  // the one that sets others
    for (const Key& other : config::keys()) {
      if (&other != &key) CHECK(other.print(changed) == other.print(defaults));
    }
  }
}

TEST_CASE("the ends of a range are allowed, and what lies beyond is not") {
  for (const Key& key : config::keys()) {
    const std::size_t dots = key.allowed.find(" ... ");
    if (key.argument != "NUMBER" && key.argument != "DECIMAL" && key.argument != "DURATION" &&
        key.argument != "SIZE") {
      continue;
    }
    CAPTURE(key.full_name());
    REQUIRE(dots != std::string::npos);
    Settings settings = config::default_settings();
    for (const std::string& end : {key.allowed.substr(0, dots), key.allowed.substr(dots + 5)}) {
      CHECK_FALSE(key.parse(end, settings));
      CHECK(key.print(settings) == end);
    }
    const Settings before = settings;
    const std::string beyond = "9" + key.allowed.substr(dots + 5);
    CHECK(key.parse(beyond, settings) == "\"" + beyond + "\" is out of range");
    CHECK(settings == before);
  }
}

// A field without a key breaks the build here: give it one, and a name in this list.
TEST_CASE("every field has a key") {
  const core::Config config;
  [[maybe_unused]] const auto& [load, policy, limits, membership] = config;
  [[maybe_unused]] const auto& [l1, l2, l3, l4, l5, l6, l7, l8] = load;
  CHECK(keys_in("load") == 8);
  [[maybe_unused]] const auto& [p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11] = policy;
  CHECK(keys_in("policy") == 11 + 1);  // preset
  [[maybe_unused]] const auto& [i1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11, i12, i13, i14, i15,
                                i16, i17, i18] = limits;
  CHECK(keys_in("limits") == 18 + 6);  // the driver's
  [[maybe_unused]] const auto& [m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11] = membership;
  CHECK(keys_in("membership") == 11 + 1);  // seeds
  const Settings settings;
  [[maybe_unused]] const auto& [name, state_directory, socket, migratable, user, task_user,
                                control_group, log_level, listen,
                                advertise, insecure, seeds, s1, s2, s3, s4, s5, s6, preset, core] =
      settings;
  CHECK(keys_in("node") == 8);
  CHECK(keys_in("network") == 3);
}

TEST_CASE("the sample file is the one that the table makes") {
  INFO("to bring it up to date: peerd --sample-config > peerd.conf.sample");
  CHECK(file_text(SAMPLE_CONFIG) == config::sample_config());
}

TEST_CASE_METHOD(ConfigFixture, "the sample file gives the defaults, commented out or not") {
  const std::string sample = file_text(SAMPLE_CONFIG);
  CHECK(errors(sample) == Lines{});
  CHECK(settings(sample) == config::default_settings());
  const std::string active = uncommented(sample);
  REQUIRE(active != sample);
  CHECK(errors(active) == Lines{});
  CHECK(settings(active) == config::default_settings());
}

TEST_CASE("without file and options the defaults hold") {
  const auto loaded = std::get<config::Loaded>(ConfigFixture::load({}));
  CHECK(loaded.mode == config::Mode::run);
  CHECK(loaded.settings == config::default_settings());
  CHECK(core::to_string(loaded.settings.listen) == "127.0.0.1:7400");
  CHECK(loaded.settings.core.load.slots >= 1);
  CHECK(loaded.settings.core.load.weight_thousandths == loaded.settings.core.load.slots * 1000);
  CHECK_FALSE(loaded.settings.name.empty());
}

TEST_CASE_METHOD(ConfigFixture, "sections, comments, blanks and line ends are read as INI has it") {
  const Settings read = settings(
      "\xef\xbb\xbf# a comment\r\n"
      "limits.streams = 9\r\n"
      "[limits]\r\n"
      "\tprobe_limit=5   # for a start\r\n"
      "[ node ]\n"
      "name   =   b1\n"
      "[limits]\n"
      "probe_timeout = 20 ms");
  CHECK(read.name == "b1");
  CHECK(read.streams == 9);
  CHECK(read.core.limits.probe_limit == 5);
  CHECK(read.core.limits.probe_timeout == 20 * core::kMillisecond);
}

TEST_CASE_METHOD(ConfigFixture, "options win over the file") {
  const Settings read = settings("[limits]\nprobe_limit = 5\nstreams = 9\n",
                                 {"--limits.probe_limit=6", "--node.name", "b2"});
  CHECK(read.core.limits.probe_limit == 6);
  CHECK(read.streams == 9);
  CHECK(read.name == "b2");
}

TEST_CASE_METHOD(ConfigFixture, "a preset sets the policies, and keys beside it win") {
  const Settings none = settings("[policy]\npreset = none\n");
  CHECK(none.preset == "none");
  CHECK(none.core.policy.transfer == "never");
  const Settings mixed = settings("[policy]\nlocation = random\nhigh = 4\npreset = symmetric\n");
  CHECK(mixed.core.policy.location == "random");
  CHECK(mixed.core.policy.high == 4000);
  const Settings symmetric = settings("[policy]\npreset = symmetric\n");
  CHECK(mixed.core.policy.transfer == symmetric.core.policy.transfer);
  const Settings overridden = settings("[policy]\npreset = none\n", {"--policy.preset=symmetric"});
  CHECK(overridden == symmetric);
}

TEST_CASE_METHOD(ConfigFixture, "defaults follow the keys that they depend on") {
  const Settings read = settings(
      "[node]\nstate_directory = /srv/b1\n[load]\nslots = 6\n[network]\nlisten = 127.0.0.1:7401\n");
  CHECK(read.socket == "/srv/b1/control.sock");
  CHECK(read.core.load.weight_thousandths == 6000);
  CHECK(read.advertise == read.listen);
  const Settings given = settings(
      "[node]\nstate_directory = /srv/b1\nsocket = /run/b1\n[load]\nslots = 6\nweight = 1.5\n"
      "[network]\nlisten = 0.0.0.0:7400\nadvertise = 192.0.2.1:7400\ninsecure = true\n");
  CHECK(given.socket == "/run/b1");
  CHECK(given.core.load.weight_thousandths == 1500);
  CHECK(core::to_string(given.advertise) == "192.0.2.1:7400");
  CHECK(net::is_unspecified(given.listen));
}

TEST_CASE_METHOD(ConfigFixture, "seeds are a list") {
  CHECK(settings("[membership]\nseeds = a:1 , [::1]:7400,192.0.2.1:65535\n").seeds ==
        Lines{"a:1", "[::1]:7400", "192.0.2.1:65535"});
  CHECK(settings("[membership]\nseeds =\n").seeds.empty());
}

TEST_CASE_METHOD(ConfigFixture, "a view is full or bounded") {
  CHECK(settings("").core.membership.view == 0);
  CHECK(settings("[membership]\nview = 64\n").core.membership.view == 64);
  CHECK(settings("[membership]\nview = full\n").core.membership.view == 0);
  const Settings bounded = settings("[membership]\nview = 8\n");
  CHECK(config::restart_needed(settings(""), bounded) == Lines{"membership.view: full -> 8"});
}

TEST_CASE_METHOD(ConfigFixture, "the modes that end at once say their text") {
  const auto mode = [](const Lines& options) {
    return std::get<config::Loaded>(ConfigFixture::load(options));
  };
  CHECK(mode({"--version"}).mode == config::Mode::version);
  CHECK(mode({"--version"}).text.starts_with("peerd "));
  CHECK(mode({"--sample-config"}).text == config::sample_config());
  CHECK(mode({"-h"}).mode == config::Mode::help);
  const std::string help = mode({"--help"}).text;
  for (const Key& key : config::keys()) {
    CHECK(help.find("--" + key.full_name() + " " + key.argument) != std::string::npos);
  }
  const auto checked = std::get<config::Loaded>(load_text("[limits]\n", {"--check-config"}));
  CHECK(checked.mode == config::Mode::check);
  CHECK(checked.text == scratch_ / "c" + " is good\n");
}

TEST_CASE_METHOD(ConfigFixture, "a reload changes what can change and names what needs a restart") {
  const Settings old = settings("[node]\nname = b1\n");
  const Settings now = settings(
      "[node]\nname = b2\nlog_level = debug\n[limits]\nprobe_limit = 5\nkill_grace = 2s\n"
      "[membership]\nseeds = a:1\n[network]\nlisten = 127.0.0.1:7401\n");
  CHECK(config::changes(old, now) ==
        Lines{"node.log_level: info -> debug", "limits.probe_limit: 3 -> 5",
              "limits.kill_grace: 5s -> 2s", "membership.seeds:  -> a:1"});
  CHECK(config::restart_needed(old, now) ==
        Lines{"node.name: b1 -> b2", "network.listen: 127.0.0.1:7400 -> 127.0.0.1:7401",
              "network.advertise: 127.0.0.1:7400 -> 127.0.0.1:7401"});
  const Settings applied = config::apply_changes(old, now);
  CHECK(config::changes(applied, now).empty());
  CHECK(config::restart_needed(old, applied).empty());
  CHECK(applied.name == "b1");
  CHECK(applied.core.limits.probe_limit == 5);
  CHECK(config::changes(old, old).empty());
}

TEST_CASE_METHOD(ConfigFixture, "a reload that fails leaves no settings to apply") {
  CHECK(std::holds_alternative<config::Errors>(load_text("[limits]\nprobe_limit = 99\n")));
}
