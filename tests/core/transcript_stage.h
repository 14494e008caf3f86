// One node under test, called `a`; its peers `b`, `c`, ... are played by the script. Commands:
//
//     config KEY=VALUE...           a new node at time 0, with these settings
//     peers b c d                   b tells of them all
//     wait 100ms                    time passes; what timers bring is shown under "at ..."
//     +5ms COMMAND                  the same, then the command
//     submit a.2 [priority=P] [memory=MIB] [bundle=BYTES] [pinned]
//     exited a.2 exit_0             also signal_9, failed
//     cancel a.2
//     migrate a.2 b
//     bundle_sent a.2 ok            also failed; the same for bundle_received
//     results_sent a.2 ok           also failed; [status=failed]
//     sample [memory=MIB] [pressure=THOUSANDTHS] [disk=MIB] [migrates]
//     reconfigure KEY=VALUE...
//     drain
//     b: MESSAGE                    see transcript_message.cpp; `it: MESSAGE` comes from the peer
//                                   that was last sent a probe, a request or an offer
//     show | show peers | counters PREFIX
//
// Each answers with the node's actions in words; "- " opens what `explain` shows.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/node.h"
#include "tests/core/transcript_words.h"

namespace core_test {

// What was last said of a task, so that scripts need not repeat it.
struct Memory {
  std::map<core::TaskId, core::Epoch> epochs;
  std::map<core::PeerId, std::uint32_t> searches;  // the last one that the peer was asked for
  std::map<std::pair<core::PeerId, core::TaskId>, core::TaskReport> reports;
  std::map<core::PeerId, core::Incarnation> incarnations;
  core::PeerId asked = core::PeerId::none;            // last, by a probe, a request or an offer
  std::map<core::TaskId, core::ExitStatus> statuses;  // of the results that are to be sent

  void heard(const core::Message& message);
  void sent(const core::Message& message, core::PeerId to);
  core::PeerId peer(const std::string& word) const;  // a letter, or "it"
  core::Epoch epoch_of(core::TaskId task) const;
  core::Incarnation incarnation_of(core::PeerId peer) const;
};

// The message that the words describe. Throws WordError.
core::Message parse_message(Words& words, core::PeerId from, Memory& memory);

class Stage {
 public:
  using Lines = std::vector<std::string>;

  // Throws WordError where the command is not understood.
  Lines run(const std::string& command);

 private:
  core::Node& node();
  void configure(Words& words);
  void act(const std::string& verb, Words& words);
  void introduce(Words& words);
  void submit(Words& words);
  void hear(core::PeerId from, Words& words);
  void pass(core::Duration duration);
  void step(const core::Event& event);
  void show();
  void show_peers();
  void show_counters(const std::string& prefix);

  core::Config config_;
  std::unique_ptr<core::Node> node_;
  core::Time now_ = 0;
  std::uint64_t last_serial_ = 0;
  Memory memory_;
  Lines lines_;
};

}  // namespace core_test
