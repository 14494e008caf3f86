// Values that do not go together.
#include <utility>

#include "config/keys.h"
#include "config/paths.h"
#include "net/endpoint.h"
#include "policies/registry.h"

namespace config {
namespace {

using Contradictions = std::vector<Contradiction>;

std::string assignment(const std::string& key, const Settings& settings) {
  const Key* found = find_key(key);
  return found->name + " = " + found->print(settings);
}

void require(bool good, const char* first, const char* second, const char* relation,
             const Settings& settings, Contradictions& found) {
  if (good) return;
  found.push_back({{first, second},
                   assignment(first, settings) + " and " + assignment(second, settings) +
                       " contradict each other; allowed: " + find_key(first)->name + " " +
                       relation + " " + find_key(second)->name});
}

void check_order(const Settings& settings, Contradictions& found) {
  const core::Config& core = settings.core;
  if (core.policy.transfer == "dual_threshold")
    require(core.policy.low < core.policy.high, "policy.low", "policy.high", "<", settings, found);
  require(core.limits.probe_timeout <= core.limits.search_timeout, "limits.probe_timeout",
          "limits.search_timeout", "<=", settings, found);
  require(core.limits.grant_timeout <= core.limits.transfer_timeout, "limits.grant_timeout",
          "limits.transfer_timeout", "<=", settings, found);
  require(core.membership.probe_timeout < core.membership.probe_interval,
          "membership.probe_timeout", "membership.probe_interval", "<", settings, found);
}

void check_policies(const Settings& settings, Contradictions& found) {
  const core::PolicyConfig& policy = settings.core.policy;
  if (policy.transfer == "dual_threshold" && policy.low >= policy.high) return;  // said already
  const auto wrong = policies::check(settings.core.policy);
  if (!wrong) return;
  Contradiction contradiction{{}, *wrong};
  for (const Key& key : keys()) {
    if (key.section == "policy") contradiction.keys.push_back(key.full_name());
  }
  found.push_back(std::move(contradiction));
}

void check_timing(const Settings& settings, Contradictions& found) {
  if (settings.core.limits.search_retry > 0 || policies::check(settings.core.policy)) return;
  const core::PolicySet set = policies::make_policies(settings.core.policy);
  if (set.location->timing() == core::Timing::on_changes) return;
  found.push_back({{"limits.search_retry", "policy.location", "policy.preset"},
                   assignment("policy.location", settings) + " and " +
                       assignment("limits.search_retry", settings) +
                       " contradict each other: it searches after random pauses of that mean, and "
                       "at no other time; allowed: search_retry > 0"});
}

void check_files(const Settings& settings, Contradictions& found) {
  if (settings.state_directory.empty()) {
    found.push_back({{"node.state_directory"},
                     "has no default here, as neither XDG_STATE_HOME nor HOME is set; allowed: " +
                         find_key("node.state_directory")->allowed});
  }
  if (settings.socket.size() > kMaxSocketPathBytes) {
    found.push_back({{"node.socket", "node.state_directory"},
                     "the socket's path STATE_DIRECTORY/control.sock is " +
                         std::to_string(settings.socket.size()) + " bytes long; allowed: at most " +
                         std::to_string(kMaxSocketPathBytes) +
                         ", so set node.socket to a shorter one"});
  }
}

void check_addresses(const Settings& settings, Contradictions& found) {
  if (!net::is_loopback(settings.listen) && !settings.insecure) {
    found.push_back(
        {{"network.listen", "network.insecure"},
         assignment("network.listen", settings) +
             " is not loopback: peers cannot authenticate each other yet, so anyone who reaches "
             "the port could run programs here; allowed: listen on 127.0.0.1, or insecure = true "
             "on a network you trust"});
  }
  if (net::is_unspecified(settings.advertise)) {
    found.push_back({{"network.advertise", "network.listen"},
                     assignment("network.advertise", settings) +
                         " is no address that others can reach; allowed: advertise = "
                         "ADDRESS:PORT at which they reach this peer"});
  }
}

}  // namespace

std::vector<Contradiction> contradictions(const Settings& settings) {
  Contradictions found;
  check_files(settings, found);
  check_order(settings, found);
  check_policies(settings, found);
  check_timing(settings, found);
  check_addresses(settings, found);
  return found;
}

}  // namespace config
