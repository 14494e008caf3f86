// Builds keys of the usual kinds: quantities, choices, switches, addresses, paths. For
// keys.cpp alone.
#pragma once

#include <cassert>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/keys.h"
#include "config/units.h"

namespace config {

// A field is named by a function that takes a Settings, const or not, and returns a reference.
class KeyTable {
 public:
  struct Range {
    std::int64_t min = 0;
    std::int64_t max = 0;
  };

  // The keys that follow belong to it.
  void section(std::string name, std::string help);

  template <typename Field>
  Key& quantity(std::string name, Unit unit, Range range, Field field, std::string help);
  template <typename Field>
  Key& boolean(std::string name, Field field, std::string help);
  // One of `values`.
  template <typename Field>
  Key& choice(std::string name, std::vector<std::string> values, Field field, std::string help);
  // The address numeric, the port within `ports`.
  template <typename Field>
  Key& endpoint(std::string name, Range ports, Field field, std::string help);
  // An absolute path of at most `max_bytes`.
  template <typename Field>
  Key& path(std::string name, std::size_t max_bytes, Field field, std::string help);
  // `parse` and `print` are the caller's to set.
  Key& add(std::string name, std::string argument, std::string allowed, std::string help);

  const std::vector<Key>& keys() const { return keys_; }
  const std::vector<Section>& sections() const { return sections_; }

 private:
  std::vector<Key> keys_;
  std::vector<Section> sections_;
};

// What Key::parse is made of. On failure they return false or nullopt and say in `error` what is
// wrong.
std::optional<std::int64_t> parse_in_range(Unit unit, KeyTable::Range range,
                                           const std::string& text, std::string& error);
std::optional<core::Endpoint> parse_address(KeyTable::Range ports, const std::string& text,
                                            std::string& error);
bool is_good_path(std::size_t max_bytes, const std::string& text, std::string& error);
bool is_one_of(const std::vector<std::string>& values, const std::string& text, std::string& error);
std::string joined(const std::vector<std::string>& texts);  // "a, b, c"
std::string print_range(Unit unit, KeyTable::Range range);  // "1ms ... 1min"
const char* argument_name(Unit unit);                       // "DURATION"

template <typename Field>
Key& KeyTable::quantity(std::string name, Unit unit, Range range, Field field, std::string help) {
  using Number = std::remove_reference_t<decltype(field(std::declval<Settings&>()))>;
  assert(std::in_range<Number>(range.min) && std::in_range<Number>(range.max));
  Key& key = add(std::move(name), argument_name(unit), print_range(unit, range), std::move(help));
  key.parse = [=](const std::string& text, Settings& settings) -> std::optional<std::string> {
    std::string error;
    const auto value = parse_in_range(unit, range, text, error);
    if (!value) return error;
    field(settings) = static_cast<Number>(*value);
    return std::nullopt;
  };
  key.print = [=](const Settings& settings) {
    return print_quantity(unit, static_cast<std::int64_t>(field(settings)));
  };
  return key;
}

template <typename Field>
Key& KeyTable::boolean(std::string name, Field field, std::string help) {
  Key& key = add(std::move(name), "BOOLEAN", "true, false", std::move(help));
  key.parse = [=](const std::string& text, Settings& settings) -> std::optional<std::string> {
    std::string error;
    if (!is_one_of({"true", "false"}, text, error)) return error;
    field(settings) = text == "true";
    return std::nullopt;
  };
  key.print = [=](const Settings& settings) { return field(settings) ? "true" : "false"; };
  return key;
}

template <typename Field>
Key& KeyTable::choice(std::string name, std::vector<std::string> values, Field field,
                      std::string help) {
  Key& key = add(std::move(name), "NAME", joined(values), std::move(help));
  key.parse = [=](const std::string& text, Settings& settings) -> std::optional<std::string> {
    std::string error;
    if (!is_one_of(values, text, error)) return error;
    field(settings) = text;
    return std::nullopt;
  };
  key.print = [=](const Settings& settings) { return field(settings); };
  return key;
}

template <typename Field>
Key& KeyTable::endpoint(std::string name, Range ports, Field field, std::string help) {
  Key& key =
      add(std::move(name), "ADDRESS:PORT",
          "address:port, as 127.0.0.1:7400 or [::1]:7400, port " + print_range(Unit::count, ports),
          std::move(help));
  key.parse = [=](const std::string& text, Settings& settings) -> std::optional<std::string> {
    std::string error;
    const auto endpoint = parse_address(ports, text, error);
    if (!endpoint) return error;
    field(settings) = *endpoint;
    return std::nullopt;
  };
  key.print = [=](const Settings& settings) { return core::to_string(field(settings)); };
  return key;
}

template <typename Field>
Key& KeyTable::path(std::string name, std::size_t max_bytes, Field field, std::string help) {
  Key& key =
      add(std::move(name), "PATH",
          "an absolute path of at most " + std::to_string(max_bytes) + " bytes", std::move(help));
  key.parse = [=](const std::string& text, Settings& settings) -> std::optional<std::string> {
    std::string error;
    if (!is_good_path(max_bytes, text, error)) return error;
    field(settings) = text;
    return std::nullopt;
  };
  key.print = [=](const Settings& settings) { return field(settings); };
  return key;
}

}  // namespace config
