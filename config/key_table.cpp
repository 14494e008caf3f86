#include "config/key_table.h"

#include <algorithm>

#include "net/endpoint.h"

namespace config {

void KeyTable::section(std::string name, std::string help) {
  sections_.push_back({std::move(name), std::move(help)});
}

Key& KeyTable::add(std::string name, std::string argument, std::string allowed, std::string help) {
  assert(!sections_.empty());
  Key key;
  key.section = sections_.back().name;
  key.name = std::move(name);
  key.argument = std::move(argument);
  key.allowed = std::move(allowed);
  key.help = std::move(help);
  keys_.push_back(std::move(key));
  return keys_.back();
}

std::optional<std::int64_t> parse_in_range(Unit unit, KeyTable::Range range,
                                           const std::string& text, std::string& error) {
  const std::optional<std::int64_t> value = parse_quantity(unit, text, error);
  if (value && (*value < range.min || *value > range.max)) {
    error = quoted(text) + " is out of range";
    return std::nullopt;
  }
  return value;
}

std::optional<core::Endpoint> parse_address(KeyTable::Range ports, const std::string& text,
                                            std::string& error) {
  const std::optional<core::Endpoint> endpoint = net::parse_endpoint(text);
  if (!endpoint || endpoint->port < ports.min) {
    error = quoted(text) + " is not an address with a port";
    return std::nullopt;
  }
  return endpoint;
}

bool is_good_path(std::size_t max_bytes, const std::string& text, std::string& error) {
  if (!text.starts_with('/')) error = quoted(text) + " is not absolute";
  if (text.size() > max_bytes) {
    error = quoted(text) + " is " + std::to_string(text.size()) + " bytes long";
  }
  return error.empty();
}

bool is_one_of(const std::vector<std::string>& values, const std::string& text,
               std::string& error) {
  if (std::find(values.begin(), values.end(), text) != values.end()) return true;
  error = quoted(text) + " is unknown";
  return false;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all;
}

std::string print_range(Unit unit, KeyTable::Range range) {
  return print_quantity(unit, range.min) + " ... " + print_quantity(unit, range.max);
}

const char* argument_name(Unit unit) {
  switch (unit) {
    case Unit::count:
      return "NUMBER";
    case Unit::thousandths:
      return "DECIMAL";
    case Unit::duration:
      return "DURATION";
    case Unit::size:
      return "SIZE";
  }
  assert(false);
  return "";
}

}  // namespace config
