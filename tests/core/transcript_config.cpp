#include "tests/core/transcript_config.h"

#include <optional>

#include "policies/registry.h"
#include "tests/core/transcript_words.h"

namespace core_test {
namespace {

constexpr core::Duration kHour = 3600 * core::kSecond;

// Finds `key` among the rows (name, member) and sets the member through `parse`.
template <typename Part, typename Value, std::size_t n, typename Parse>
bool set(const std::pair<const char*, Value Part::*> (&rows)[n], Part& part, const std::string& key,
         const std::string& value, Parse parse) {
  for (const auto& [name, member] : rows) {
    if (key != name) continue;
    part.*member = static_cast<Value>(parse(value));
    return true;
  }
  return false;
}

template <typename Part, typename Value>
using Row = std::pair<const char*, Value Part::*>;

bool set_load(core::LoadConfig& load, const std::string& key, const std::string& value) {
  using Load = core::LoadConfig;
  static constexpr Row<Load, std::uint32_t> kNumbers[] = {
      {"slots", &Load::slots},
      {"smoothing", &Load::smoothing_thousandths},
      {"max_pressure", &Load::max_memory_pressure_thousandths}};
  static constexpr Row<Load, core::Duration> kDurations[] = {
      {"sample_interval", &Load::sample_interval}, {"aging", &Load::aging}};
  static constexpr Row<Load, std::uint64_t> kBytes[] = {{"min_memory", &Load::min_memory_bytes}};
  static constexpr Row<Load, std::uint32_t> kWeights[] = {{"weight", &Load::weight_thousandths}};
  const auto mebibytes = [](const std::string& word) { return parse_number(word) << 20; };
  return set(kNumbers, load, key, value, parse_number) ||
         set(kDurations, load, key, value, parse_duration) ||
         set(kBytes, load, key, value, mebibytes) || set(kWeights, load, key, value, parse_load);
}

bool set_policy(core::PolicyConfig& policy, const std::string& key, const std::string& value) {
  using Policy = core::PolicyConfig;
  static constexpr Row<Policy, std::string> kNames[] = {{"transfer", &Policy::transfer},
                                                        {"selection", &Policy::selection},
                                                        {"location", &Policy::location},
                                                        {"migration", &Policy::migration},
                                                        {"information", &Policy::information}};
  static constexpr Row<Policy, core::Load> kLoads[] = {
      {"threshold", &Policy::threshold}, {"low", &Policy::low}, {"high", &Policy::high}};
  static constexpr Row<Policy, core::Duration> kDurations[] = {
      {"information_interval", &Policy::information_interval},
      {"information_max_age", &Policy::information_max_age}};
  static constexpr Row<Policy, std::uint32_t> kNumbers[] = {
      {"information_fanout", &Policy::information_fanout}};
  const auto name = [](const std::string& word) { return word; };
  return set(kNames, policy, key, value, name) || set(kLoads, policy, key, value, parse_load) ||
         set(kDurations, policy, key, value, parse_duration) ||
         set(kNumbers, policy, key, value, parse_number);
}

bool set_limit(core::LimitsConfig& limits, const std::string& key, const std::string& value) {
  using Limits = core::LimitsConfig;
  static constexpr Row<Limits, std::uint32_t> kNumbers[] = {
      {"probe_limit", &Limits::probe_limit},
      {"searches_at_once", &Limits::searches_at_once},
      {"moves_per_task", &Limits::moves_per_task},
      {"transfers_at_once", &Limits::transfers_at_once},
      {"migrations_at_once", &Limits::migrations_at_once},
      {"queue_length", &Limits::queue_length},
      {"wishes", &Limits::wishes},
      {"finished_tasks", &Limits::finished_tasks}};
  static constexpr Row<Limits, core::Duration> kDurations[] = {
      {"probe_timeout", &Limits::probe_timeout},
      {"search_timeout", &Limits::search_timeout},
      {"search_retry", &Limits::search_retry},
      {"min_residence", &Limits::min_residence},
      {"grant_timeout", &Limits::grant_timeout},
      {"transfer_timeout", &Limits::transfer_timeout},
      {"lease", &Limits::lease},
      {"wish_timeout", &Limits::wish_timeout},
      {"resend_interval", &Limits::resend_interval}};
  return set(kNumbers, limits, key, value, parse_number) ||
         set(kDurations, limits, key, value, parse_duration);
}

}  // namespace

core::Config quiet_config() {
  core::Config config;
  config.membership.probe_interval = 1000 * kHour;
  config.membership.probe_timeout = 500 * kHour;
  config.membership.join_interval = 1000 * kHour;
  config.membership.rejoin_interval = 1000 * kHour;
  config.limits.search_retry = 0;
  return config;
}

void change(core::Config& config, const std::map<std::string, std::string>& options) {
  const auto preset = options.find("preset");
  if (preset != options.end()) {
    const std::optional<core::PolicyConfig> named = policies::preset(preset->second);
    if (!named) throw WordError{"no preset: " + preset->second};
    config.policy = *named;
  }
  for (const auto& [key, value] : options) {
    if (key == "preset") continue;
    if (key == "view") {
      config.membership.view = static_cast<std::uint32_t>(parse_number(value));
      continue;
    }
    if (key == "max_peers") {
      config.membership.max_peers = static_cast<std::uint32_t>(parse_number(value));
      continue;
    }
    if (key == "dead_retention") {
      config.membership.dead_retention = parse_duration(value);
      continue;
    }
    if (!set_load(config.load, key, value) && !set_policy(config.policy, key, value) &&
        !set_limit(config.limits, key, value))
      throw WordError{"no such key: " + key};
  }
  if (const auto error = policies::check(config.policy)) throw WordError{*error};
}

}  // namespace core_test
