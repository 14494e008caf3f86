#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cctype>

#include "config/paths.h"
#include "config/settings.h"
#include "core/message.h"
#include "net/endpoint.h"
#include "policies/registry.h"

namespace config {
namespace {

constexpr char kDefaultListen[] = "127.0.0.1:7400";

// Online CPUs that this process may run on.
std::uint32_t usable_cpus() {
  cpu_set_t set;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wsign-conversion"
  CPU_ZERO(&set);
  const bool known = sched_getaffinity(0, sizeof set, &set) == 0;
  const long usable = known ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
#pragma GCC diagnostic pop
  return static_cast<std::uint32_t>(std::clamp(usable, 1l, 1024l));
}

std::string short_host_name() {
  char host[256] = {};
  if (gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
  std::string name;
  for (const char c : std::string(host)) {
    if (c == '.' || name.size() == core::kMaxNameBytes) break;
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' ? c : '_';
  }
  return name.empty() ? "peer" : name;
}

}  // namespace

Settings default_settings() {
  Settings settings;
  settings.name = short_host_name();
  settings.state_directory = default_state_directory();
  settings.socket = socket_in(settings.state_directory);
  const auto listen = net::parse_endpoint(kDefaultListen);
  assert(listen);
  settings.listen = *listen;
  settings.advertise = *listen;
  settings.core.load.slots = usable_cpus();
  settings.core.load.weight_thousandths = weight_for(settings.core.load.slots);
  const auto policy = policies::preset(settings.preset);
  assert(policy);
  settings.core.policy = *policy;
  return settings;
}

std::uint32_t weight_for(std::uint32_t slots) {
  return std::min(slots * 1000, 1'000'000u);
}

std::string task_account(const Settings& settings) {
  return settings.task_user == kSubmitter ? "nobody" : settings.task_user;
}

}  // namespace config
