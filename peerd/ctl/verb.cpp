#include "peerd/ctl/verb.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "config/paths.h"
#include "peerd/ctl/output.h"

namespace po = boost::program_options;

namespace peerctl {
namespace {

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> all = {
      run_verb(),     submit_verb(),  wait_verb(),    ps_verb(),    logs_verb(),    cancel_verb(),
      migrate_verb(), hold_verb(),    release_verb(), drain_verb(), undrain_verb(), peers_verb(),
      stats_verb(),   explain_verb(), doctor_verb(),  top_verb()};
  return all;
}

const Verb* find_verb(std::string_view name) {
  const auto found = std::find_if(verbs().begin(), verbs().end(),
                                  [&](const Verb& verb) { return verb.name == name; });
  return found == verbs().end() ? nullptr : &*found;
}

Problem unknown_verb(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Verb& verb : verbs()) names.push_back(verb.name);
  const std::string_view meant = closest(name, names);
  return {kExitUsage,
          meant.empty()
              ? fmt::format("there is no verb \"{}\": see peerctl --help", name)
              : fmt::format("there is no verb \"{}\": is \"{}\" meant? see peerctl --help", name,
                            meant)};
}

po::options_description common_options() {
  po::options_description options("Common options");
  options.add_options()  //
      ("socket", po::value<std::string>()->value_name("PATH"),
       "the daemon's socket (default: $PEERD_SOCKET, else control.sock in its default state "
       "directory)")  //
      ("help,h", "this help");
  return options;
}

po::options_description own_options(const Verb& verb) {
  po::options_description options("Options");
  if (verb.add_options != nullptr) verb.add_options(options);
  if (verb.offers_json) options.add_options()("json", "print JSON");
  return options;
}

std::string general_help() {
  std::string text = "Usage: peerctl [--socket PATH] VERB ...\n\nVerbs:\n";
  for (const Verb& verb : verbs()) text += fmt::format("  {:9}{}\n", verb.name, verb.summary);
  text += "\n\"peerctl VERB --help\" says more about one of them.\n\n";
  std::ostringstream options;
  po::options_description all = common_options();
  all.add_options()("version", "print the version");
  options << all;
  return text + options.str() + "\n" + exit_codes_help();
}

std::string verb_help(const Verb& verb) {
  std::ostringstream text;
  text << "Usage: peerctl " << verb.name << " " << verb.arguments << "\n\n"
       << verb.summary << ".\n";
  if (!verb.details.empty()) text << "\n" << verb.details;
  const po::options_description own = own_options(verb);
  if (!own.options().empty()) text << "\n" << own;
  text << "\n" << common_options() << "\n" << exit_codes_help();
  return text.str();
}

int run_parsed(const Verb& verb, Parsed parsed, const std::optional<std::string>& common_socket) {
  Invocation invocation;
  std::optional<std::string> socket = parsed.text("socket");
  if (!socket) socket = common_socket;
  invocation.socket = socket ? *socket : config::default_socket();
  if (invocation.socket.empty()) {
    return complain({kExitUsage,
                     "where the daemon's socket is cannot be told: neither HOME nor "
                     "XDG_STATE_HOME is set; give --socket PATH"});
  }
  invocation.json = verb.offers_json && parsed.has("json");
  invocation.parsed = std::move(parsed);
  return verb.run(invocation);
}

int run_named(const std::string& name, const Words& words,
              const std::optional<std::string>& common_socket) {
  const Verb* verb = find_verb(name);
  if (verb == nullptr) return complain(unknown_verb(name));
  po::options_description options = own_options(*verb);
  options.add(common_options());
  Result<Parsed> parsed = parse(words, options, verb->reach);
  if (auto* problem = std::get_if<Problem>(&parsed)) {
    problem->message += fmt::format(": see peerctl {} --help", name);
    return complain(*problem);
  }
  if (std::get<Parsed>(parsed).has("help")) return print(verb_help(*verb));
  const Words& rest = std::get<Parsed>(parsed).rest;
  if (!verb->takes_words && !rest.empty())
    return complain(
        {kExitUsage, fmt::format("\"{}\" is too much here: see peerctl {} --help", rest[0], name)});
  return run_parsed(*verb, std::get<Parsed>(std::move(parsed)), common_socket);
}

int help(const Words& words) {
  if (words.empty()) return print(general_help());
  const Verb* verb = find_verb(words[0]);
  return verb == nullptr ? complain(unknown_verb(words[0])) : print(verb_help(*verb));
}

}  // namespace

int peerctl(const Words& words) {
  po::options_description options = common_options();
  options.add_options()("version", "");
  const Result<Parsed> result = parse(words, options, Reach::first_word);
  if (const auto* problem = std::get_if<Problem>(&result)) {
    return complain({problem->code, problem->message + ": see peerctl --help"});
  }
  const auto& parsed = std::get<Parsed>(result);
  if (parsed.has("version")) return print("peerctl " PEERD_VERSION "\n");
  if (parsed.has("help")) return print(general_help());
  if (parsed.rest.empty()) return complain({kExitUsage, "a verb is needed: see peerctl --help"});
  const Words arguments(parsed.rest.begin() + 1, parsed.rest.end());
  if (parsed.rest[0] == "help") return help(arguments);
  return run_named(parsed.rest[0], arguments, parsed.text("socket"));
}

}  // namespace peerctl
