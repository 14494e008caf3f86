// --help and the sample file, made from the table of keys.
#include "config/help.h"

#include <cassert>
#include <sstream>
#include <string_view>

namespace config {
namespace {

namespace po = boost::program_options;

constexpr std::size_t kColumns = 100;

constexpr char kUsage[] =
    "Usage: peerd [--config FILE] [--SECTION.KEY=VALUE]...\n"
    "\n"
    "One peer of a decentralized load balancer. Every key of the configuration file is an option\n"
    "too; options win over the file. SIGHUP reads both again, SIGTERM ends the daemon cleanly.\n"
    "\n"
    "Exit status: 0 ended cleanly; 65 the state directory is damaged; 68 a seed's name is "
    "unknown;\n"
    "69 an address or the socket is in use; 73 a file cannot be created; 75 another peerd uses "
    "the\n"
    "state directory, or tasks were left when the daemon ended; 78 the configuration is wrong.\n\n";

constexpr char kSampleHead[] =
    R"(# Configuration of peerd. Every key is shown, commented out, with its default, or
# with an example where the default depends on the machine. Every key is a command-line option
# too: --limits.probe_limit=5
#
# Durations have a unit: us, ms, s, min, h ("100ms", "1.5s"). Sizes are bytes or have a unit: B,
# KiB, MiB, GiB, TiB. Loads and weights are decimals: a load of 1.5 is one task and a half for
# each unit of weight. A # begins a comment, also after a value.
#
# `peerd --config FILE --check-config` checks a file. SIGHUP has a running peerd read it again.
)";

void append_wrapped(const std::string& text, std::string& out) {
  std::istringstream words(text);
  std::string line = "#";
  for (std::string word; words >> word;) {
    if (line.size() + 1 + word.size() > kColumns) {
      out += line + "\n";
      line = "#";
    }
    line += " " + word;
  }
  out += line + "\n";
}

void append_key(const Key& key, const Settings& defaults, std::string& out) {
  out += "\n";
  append_wrapped(key.help, out);
  append_wrapped("Allowed: " + key.allowed + ".", out);
  if (!key.default_note.empty()) append_wrapped("Default: " + key.default_note + ".", out);
  if (!key.live) append_wrapped("A change needs a restart.", out);
  const std::string& value = key.example.empty() ? key.print(defaults) : key.example;
  out += "#" + key.name + " = " + value + "\n";
}

std::string option_help(const Key& key, const Settings& defaults) {
  const std::string value = key.default_note.empty() ? key.print(defaults) : key.default_note;
  return key.help + "\n[" + key.allowed + "; default: " + value + "]";
}

}  // namespace

po::options_description general_options() {
  po::options_description options("Options");
  options.add_options()                                                           //
      ("config", po::value<std::string>()->value_name("FILE"), "read this file")  //
      ("check-config", "check file and options, say what is wrong, and end")      //
      ("sample-config", "print a commented file with every key and its default")  //
      ("help,h", "print this and end")                                            //
      ("version", "print the version and end");
  return options;
}

po::options_description key_options(const std::string& section) {
  const Settings defaults = default_settings();
  po::options_description options("[" + section + "]", kColumns);
  for (const Key& key : keys()) {
    if (key.section != section) continue;
    options.add_options()(key.full_name().c_str(),
                          po::value<std::string>()->value_name(key.argument),
                          option_help(key, defaults).c_str());
  }
  return options;
}

std::string usage() {
  std::ostringstream text;
  text << kUsage << general_options();
  for (const Section& section : sections()) text << "\n" << key_options(section.name);
  return text.str();
}

std::string sample_config() {
  const Settings defaults = default_settings();
  std::string text = kSampleHead;
  for (const Section& section : sections()) {
    text += "\n";
    append_wrapped(section.help, text);
    text += "[" + section.name + "]\n";
    for (const Key& key : keys()) {
      if (key.section == section.name) append_key(key, defaults, text);
    }
  }
  return text;
}

std::string overriding_config(const Settings& settings, const Settings& defaults) {
  Settings said = defaults;
  std::string text, section;
  for (const Key& key : keys()) {
    const std::string value = key.print(settings);
    if (key.print(said) == value) continue;
    // A preset changes what the keys after it need to say.
    [[maybe_unused]] const auto error = key.parse(value, said);
    assert(!error);
    if (section != key.section) text += "\n[" + key.section + "]\n";
    section = key.section;
    text += key.name + " = " + value + "\n";
  }
  return text;
}

}  // namespace config
