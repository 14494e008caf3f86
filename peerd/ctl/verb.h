// The verbs of peerctl, one row each.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/program_options.hpp>

#include "peerd/ctl/options.h"

namespace peerctl {

struct Invocation {
  Parsed parsed;
  std::string socket;
  bool json = false;
};

struct Verb {
  std::string_view name{};
  std::string_view arguments{};  // after the name, as help shows them
  std::string_view summary{};    // one line
  std::string_view details{};    // what else help says; ends its lines
  Reach reach = Reach::all_words;
  bool takes_words = true;  // besides options
  bool offers_json = false;
  void (*add_options)(boost::program_options::options_description&) = nullptr;
  int (*run)(const Invocation&) = nullptr;  // returns the exit code
};

Verb run_verb();
Verb submit_verb();
Verb wait_verb();
Verb ps_verb();
Verb logs_verb();
Verb cancel_verb();
Verb migrate_verb();
Verb hold_verb();
Verb release_verb();
Verb drain_verb();
Verb undrain_verb();
Verb peers_verb();
Verb stats_verb();
Verb explain_verb();
Verb doctor_verb();
Verb top_verb();

// The whole program but for main().
int peerctl(const Words& words);

}  // namespace peerctl
