// peerd's configuration: one INI file, every key also a command-line option, checked as a whole.
// The keys themselves are in keys.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/config.h"
#include "core/types.h"

namespace config {

// The value of node.task_user by which guests run as who submitted them.
inline constexpr const char* kSubmitter = "submitter";

struct Settings {
  // [node]
  std::string name;                  // 1 ... core::kMaxNameBytes; default: the host name
  std::string state_directory;       // absolute; identity, tasks; default: see paths.h
  std::string socket;                // absolute; default: STATE_DIRECTORY/control.sock
  std::string migratable = "auto";   // are tasks started so that they can be moved: auto, yes, no
  std::string user;                  // whom peerd becomes, started as root; empty: nobody else
  std::string task_user = "nobody";  // whom tasks of other boards and of root run as; "submitter"
  std::string control_group;         // who may use the socket beside its owner; empty: nobody
  std::string log_level = "info";    // error, warning, info, debug
  // [network]
  core::Endpoint listen;     // default 127.0.0.1:7400; port 0: any free one
  core::Endpoint advertise;  // what others are told; default: listen
  bool insecure = false;     // listen on more than loopback although nobody is authenticated
  // [membership]
  std::vector<std::string> seeds;  // "host:port", to be resolved by the daemon
  // [limits], those that are the driver's
  core::Duration shutdown_timeout = 60 * core::kSecond;
  core::Duration kill_grace = 5 * core::kSecond;
  std::uint64_t task_bytes = 16ull << 30;   // inputs or outputs of one task
  std::uint64_t output_bytes = 1ull << 30;  // stdout or stderr of one task
  std::uint32_t streams = 256;              // accepted streams at once
  std::uint32_t bandwidth_mbit = 0;         // of running tasks that leave, together; 0: no limit
  // [policy]: where `core.policy` came from
  std::string preset = "adaptive";
  core::Config core;

  bool operator==(const Settings&) const = default;
};

// What this machine gets without a file and options.
Settings default_settings();
// The default of load.weight, in thousandths.
std::uint32_t weight_for(std::uint32_t slots);
// The account that node.task_user names: with kSubmitter that of tasks whose submitter's does not
// do, such as root's.
std::string task_account(const Settings& settings);

enum class Mode : std::uint8_t { run, check, help, version, sample };

struct Loaded {
  Settings settings;  // meaningful in modes run and check
  Mode mode = Mode::run;
  std::string text;  // in every mode but run: what to print before ending with success
};

// Everything that is wrong, one line each: "FILE:LINE: key: what is wrong; what is allowed".
struct Errors {
  static constexpr int kExitCode = 78;  // EX_CONFIG
  std::vector<std::string> lines;
};

// Reads the command line and the file that it names; options win over the file, the file over
// `defaults`. Reads the file anew at every call, as SIGHUP asks for.
std::variant<Loaded, Errors> load(int argc, const char* const* argv,
                                  const Settings& defaults = default_settings());

// Reloading, `old` being what the daemon runs with and `now` what it has just loaded:
// "limits.probe_limit: 3 -> 5" for each key that differs and takes effect at once.
std::vector<std::string> changes(const Settings& old, const Settings& now);
// The same for those that a running daemon cannot change.
std::vector<std::string> restart_needed(const Settings& old, const Settings& now);
// `now`, except for what needs a restart: that stays as in `old`.
Settings apply_changes(const Settings& old, const Settings& now);

// The commented file with every key and its default: peerd.conf.sample.
std::string sample_config();
// A file with only what differs from `defaults`.
std::string overriding_config(const Settings& settings, const Settings& defaults);

}  // namespace config
