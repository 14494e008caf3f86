#include "tests/core/transcript_stage.h"

#include <cstdio>
#include <memory>
#include <string_view>
#include <variant>

#include "core/describe.h"
#include "policies/registry.h"
#include "tests/core/transcript_config.h"

namespace core_test {
namespace {

constexpr core::PeerId kSelf = peer_of('a');
constexpr std::uint64_t kSeed = 1;
constexpr int kMaxSteps = 10'000;

core::Identity identity_of_a() {
  core::Identity identity{.id = kSelf, .name = "a", .endpoint = {}, .incarnation = 0};
  identity.endpoint.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};
  identity.endpoint.port = 7400;
  identity.incarnation = core::first_incarnation(1);
  return identity;
}

const char* phase_name(core::Task::Phase phase) {
  static constexpr const char* kNames[core::Task::kPhases] = {"waiting", "leaving", "running",
                                                              "migrating", "returning"};
  return kNames[static_cast<std::size_t>(phase)];
}

std::string milliseconds(core::Time time) {
  char text[32];
  std::snprintf(text, sizeof text, "%lld.%03lld ms", static_cast<long long>(time / 1000),
                static_cast<long long>(time % 1000));
  return text;
}

bool parse_outcome(Words& words) {
  const bool ok = words.take("ok");
  if (!ok && !words.take("failed")) throw WordError{"ok or failed?"};
  return ok;
}

template <typename E>
core::Event parse_pair(Words& words, const Memory& memory) {
  const core::TaskId task = parse_task(words.next());
  const bool ok = parse_outcome(words);
  return E{task, words.option("epoch", parse_number, memory.epoch_of(task)), ok};
}

core::Event parse_results_sent(Words& words, Memory& memory) {
  core::ResultsSent event;
  event.task = parse_task(words.next());
  event.ok = parse_outcome(words);
  event.epoch = memory.epoch_of(event.task);
  event.status = words.option("status", parse_status, memory.statuses[event.task]);
  return event;
}

}  // namespace

void Memory::heard(const core::Message& message) {
  if (const auto* offer = std::get_if<core::Offer>(&message)) epochs[offer->task] = offer->epoch;
}

void Memory::sent(const core::Message& message, core::PeerId to) {
  heard(message);
  const auto* probe = std::get_if<core::Probe>(&message);
  const auto* request = std::get_if<core::Request>(&message);
  const auto* report = std::get_if<core::TaskReport>(&message);
  if (probe != nullptr) searches[to] = probe->search;
  if (request != nullptr) searches[to] = request->search;
  if (report != nullptr) reports[{to, report->task}] = *report;
  if (probe != nullptr || request != nullptr || std::holds_alternative<core::Offer>(message))
    asked = to;
}

core::PeerId Memory::peer(const std::string& word) const {
  if (word != "it") return parse_peer(word);
  if (asked == core::PeerId::none) throw WordError{"nobody has been asked yet"};
  return asked;
}

core::Epoch Memory::epoch_of(core::TaskId task) const {
  const auto found = epochs.find(task);
  return found == epochs.end() ? 1 : found->second;
}

core::Incarnation Memory::incarnation_of(core::PeerId peer) const {
  const auto found = incarnations.find(peer);
  return found == incarnations.end() ? core::first_incarnation(1) : found->second;
}

Stage::Lines Stage::run(const std::string& command) {
  lines_.clear();
  std::string text = command;
  if (text.starts_with("+")) {
    const std::size_t space = std::min(text.find(' '), text.size());
    pass(parse_duration(text.substr(1, space - 1)));
    text.erase(0, space);
  }
  Words words(text);
  const std::string verb = words.next();
  if (verb == "config")
    configure(words);
  else if (verb == "peers")
    introduce(words);
  else if (verb.ends_with(":"))
    hear(memory_.peer(verb.substr(0, verb.size() - 1)), words);
  else
    act(verb, words);
  words.expect_end();
  if (lines_.empty()) lines_.push_back("nothing");
  return std::exchange(lines_, {});
}

void Stage::act(const std::string& verb, Words& words) {
  if (verb == "wait") return pass(parse_duration(words.next()));
  if (verb == "submit") return submit(words);
  if (verb == "drain") return step(core::DrainRequested{});
  if (verb == "evacuate") return step(core::EvacuateRequested{});
  if (verb == "turn_away") return step(core::SubmissionTurnedAway{parse_veto(words.next())});
  if (verb == "cancel") return step(core::CancelRequested{parse_task(words.next())});
  if (verb == "migrate") {
    const core::TaskId task = parse_task(words.next());
    return step(core::MigrateRequested{task, parse_peer(words.next())});
  }
  if (verb == "bundle_sent") return step(parse_pair<core::BundleSent>(words, memory_));
  if (verb == "bundle_received") return step(parse_pair<core::BundleReceived>(words, memory_));
  if (verb == "results_sent") return step(parse_results_sent(words, memory_));
  if (verb == "counters") return show_counters(words.next());
  if (verb == "show") return words.take("peers") ? show_peers() : show();
  if (verb == "exited") {
    const core::TaskId task = parse_task(words.next());
    return step(core::TaskExited{task, parse_status(words.next())});
  }
  if (verb == "sample") {
    core::LoadSampled sample;
    sample.memory_available_bytes = words.option("memory", parse_number, std::uint64_t{1024}) << 20;
    sample.memory_pressure_thousandths = words.option("pressure", parse_number, std::uint32_t{0});
    sample.disk_available_bytes = words.option("disk", parse_number, std::uint64_t{1024}) << 20;
    sample.migrates = words.take("migrates");
    return step(sample);
  }
  if (verb == "reconfigure") {
    change(config_, words.take_options());
    return step(core::Reconfigured{std::make_shared<core::Config>(config_)});
  }
  throw WordError{"no such command: " + verb};
}

void Stage::configure(Words& words) {
  config_ = quiet_config();
  change(config_, words.take_options());
  now_ = 0;
  last_serial_ = 0;
  memory_ = {};
  node_ =
      std::make_unique<core::Node>(identity_of_a(), std::make_shared<core::Config>(config_),
                                   policies::make_policies, std::vector<core::Endpoint>{}, kSeed);
  step(core::Tick{});
}

core::Node& Stage::node() {
  if (node_ == nullptr) throw WordError{"there is no node yet: config comes first"};
  return *node_;
}

void Stage::introduce(Words& words) {
  while (!words.empty()) {
    Words news("news " + words.next() + " alive");
    hear(peer_of('b'), news);
  }
}

void Stage::submit(Words& words) {
  core::TaskSubmitted event;
  event.task = parse_task(words.next());
  if (event.task.home != kSelf || event.task.serial <= last_serial_)
    throw WordError{"submitted tasks are a.1, a.2, ... in this order"};
  last_serial_ = event.task.serial;
  event.needs.priority = words.option("priority", parse_number, std::int32_t{0});
  event.needs.memory_bytes = words.option("memory", parse_number, std::uint64_t{0}) << 20;
  event.needs.bundle_bytes = words.option("bundle", parse_number, std::uint64_t{0});
  event.pinned = words.take("pinned");
  event.restarts = words.take("restarts");
  step(event);
}

void Stage::hear(core::PeerId from, Words& words) {
  core::MessageReceived event;
  event.from_endpoint = identity_of_a().endpoint;
  event.from_endpoint.address[15] = static_cast<std::uint8_t>(core::value(from));
  const core::Load piggyback = words.option("piggyback", parse_load, core::Load{-1});
  if (piggyback >= 0) event.header.load = piggyback;
  event.message = parse_message(words, from, memory_);
  event.header.from = from;
  event.header.incarnation = memory_.incarnation_of(from);
  memory_.heard(event.message);
  step(event);
}

void Stage::pass(core::Duration duration) {
  const core::Time until = now_ + duration;
  int steps = 0;
  while (node().next_timeout() <= until) {
    if (++steps > kMaxSteps) throw WordError{"the node's timer does not come to rest"};
    now_ = node().next_timeout();
    const std::size_t before = lines_.size();
    step(core::Tick{});
    if (lines_.size() > before)
      lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(before),
                    "at " + milliseconds(now_) + ":");
  }
  now_ = until;
}

void Stage::step(const core::Event& event) {
  for (const core::Action& action : node().step(now_, event)) {
    const bool told = std::holds_alternative<core::Trace>(action);
    lines_.push_back((told ? "- " : "") + core::describe(action, letter_of));
    if (const auto* send = std::get_if<core::Send>(&action)) memory_.sent(send->message, send->to);
    if (const auto* results = std::get_if<core::SendResults>(&action))
      memory_.statuses[results->task] = results->status;
  }
}

void Stage::show() {
  const auto text = [](core::TaskId task) { return core::to_text(task, letter_of); };
  lines_.push_back("load " + core::to_text(node().load()) + ", " + core::to_string(node().role()) +
                   ", " + std::to_string(node().reserved()) + " reserved");
  for (const auto& [arrival, task] : node().tasks().all())
    lines_.push_back("task " + text(task.id) + " " + phase_name(task.phase) + ", epoch " +
                     std::to_string(task.epoch) + ", " + std::to_string(task.hops) + " moves, " +
                     std::to_string(task.probes) + " probes");
  for (const core::HandoffStatus& handoff : node().handoffs())
    lines_.push_back("handoff of " + text(handoff.task) + (handoff.outgoing ? " to " : " from ") +
                     letter_of(handoff.peer) + ", epoch " + std::to_string(handoff.epoch) + ": " +
                     handoff.stage);
  for (const core::HomeRecord* record : node().records())
    lines_.push_back("record " + text(record->task) + " " + core::to_string(record->state) +
                     " with " + letter_of(record->owner) + ", epoch " +
                     std::to_string(record->epoch) + ", " + std::to_string(record->moves) +
                     " moves, " + std::to_string(record->probes) + " probes" +
                     (record->open() ? "" : ", " + core::to_string(record->status)));
}

void Stage::show_peers() {
  static constexpr const char* kStates[] = {"alive", "suspect", "dead", "left"};
  for (const core::PeerStatus& peer : node().peers())
    lines_.push_back("peer " + letter_of(peer.member.id) + " " +
                     kStates[static_cast<std::size_t>(peer.member.state)] +
                     (peer.member.draining ? ", draining" : "") +
                     (peer.load_known
                          ? ", load " + core::to_text(peer.load) + " " + core::to_string(peer.role)
                          : ""));
}

void Stage::show_counters(const std::string& prefix) {
  for (std::size_t i = 0; i < core::kWhats; ++i) {
    const auto what = static_cast<core::What>(i);
    const std::uint64_t count = node().counters()[what];
    if (count > 0 && std::string_view(core::key(what)).starts_with(prefix))
      lines_.push_back(std::string(core::key(what)) + " " + std::to_string(count));
  }
}

}  // namespace core_test
