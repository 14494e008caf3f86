// peerd's configuration: one INI file, every key also a command-line option, checked as a whole.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/config.h"
#include "core/types.h"

namespace peerd {

struct Settings {
  // [node]
  std::string name;  // default: the host name
  std::string
      state_directory;  // identity, tasks; default: $XDG_STATE_HOME/peerd, /var/lib/peerd as root
  std::string socket;   // default: STATE_DIRECTORY/control.sock
  std::string log_level = "info";  // error, warning, info, debug
  // [network]
  core::Endpoint listen;              // default 127.0.0.1:7400
  core::Endpoint advertise;           // what others are told; default: listen
  std::vector<core::Endpoint> seeds;  // [membership] seeds = a:p, b:p
  bool insecure = false;  // listen on more than loopback although nobody is authenticated
  // [limits], those that are the driver's
  core::Duration shutdown_timeout = 60 * core::kSecond;
  core::Duration kill_grace = 5 * core::kSecond;
  std::uint64_t task_bytes = 16ull << 30;   // inputs or outputs of one task
  std::uint64_t output_bytes = 1ull << 30;  // stdout or stderr of one task
  std::uint32_t streams = 256;              // accepted streams at once
  core::Config core;

  bool operator==(const Settings&) const = default;
};

}  // namespace peerd
