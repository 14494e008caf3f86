#include "core/describe.h"

#include <type_traits>

namespace core {
namespace {

std::string number(std::uint64_t n) {
  return std::to_string(n);
}

std::string task_epoch(TaskId task, Epoch epoch, const Names& names) {
  return " " + to_text(task, names) + " epoch " + epoch_text(epoch);
}

std::string members(const std::vector<Member>& gossip) {
  static constexpr const char* kStates[] = {"alive", "suspect", "dead", "left"};
  std::string text;
  for (const Member& member : gossip) {
    text += text.empty() ? " [" : ", ";
    text += member.name.text() + " " + kStates[static_cast<std::size_t>(member.state)] + " " +
            number(start_count(member.incarnation)) + "." +
            number(member.incarnation & 0xffffffffu);
    if (member.draining) text += " draining";
    if (member.age > 0) text += " age " + number(member.age);
  }
  return text.empty() ? text : text + "]";
}

// What follows a message's name.
struct MessageWords {
  const Names& names;

  std::string operator()(const Ping& m) const {
    return " #" + number(m.sequence) + members(m.gossip);
  }
  std::string operator()(const Ack& m) const {
    return " #" + number(m.sequence) + members(m.gossip);
  }
  std::string operator()(const PingRequest& m) const {
    return " #" + number(m.sequence) + " about " + names(m.target) + members(m.gossip);
  }
  std::string operator()(const Nack& m) const { return " #" + number(m.sequence); }
  std::string operator()(const Join& m) const { return members({m.self}); }
  std::string operator()(const News& m) const { return members(m.members); }
  std::string operator()(const Shuffle& m) const {
    return " #" + number(m.sequence) + members(m.members);
  }
  std::string operator()(const ShuffleReply& m) const {
    return " #" + number(m.sequence) + members(m.members);
  }
  std::string operator()(const Probe& m) const {
    return " #" + number(m.search) + " as " + to_string(m.role) +
           (m.leaves_wish ? " to remember" : "") +
           (m.waited > 0 ? " waited " + number(static_cast<std::uint64_t>(m.waited)) : "");
  }
  std::string operator()(const ProbeReply& m) const {
    return " #" + number(m.search) + " load " + to_text(m.load) + " " + to_string(m.role) +
           " movable " + number(m.movable) + " veto " + to_string(m.veto) +
           (m.wish_kept ? " remembered" : "") +
           (m.referral != PeerId::none ? " try " + names(m.referral) : "");
  }
  std::string operator()(const LoadReport& m) const {
    return " load " + to_text(m.load) + " " + to_string(m.role);
  }
  std::string operator()(const Withdraw& m) const { return " #" + number(m.search); }
  std::string operator()(const Request& m) const {
    return " #" + number(m.search) + (m.probes > 0 ? " probes " + number(m.probes) : "");
  }
  std::string operator()(const Decline& m) const {
    return " #" + number(m.search) + " veto " + to_string(m.veto) + " load " + to_text(m.load);
  }
  std::string operator()(const Offer& m) const {
    const bool leaving = m.source_load == kLeaving;
    return task_epoch(m.task, m.epoch, names) + " hops " + number(m.hops) +
           (leaving ? " source leaving" : " source load " + to_text(m.source_load)) +
           (m.search != 0 ? " for #" + number(m.search) : "") + (m.wanted ? " wanted" : "") +
           (m.running ? " running" : "");
  }
  std::string operator()(const Reject& m) const {
    return task_epoch(m.task, m.epoch, names) + " veto " + to_string(m.veto) + " load " +
           to_text(m.load);
  }
  std::string operator()(const TaskReport& m) const {
    return task_epoch(m.task, m.epoch, names) + " " + to_string(m.state) + " with " +
           names(m.owner) + (m.state == TaskState::finished ? ", " + to_string(m.status) : "");
  }
  std::string operator()(const TaskReportAck& m) const {
    return task_epoch(m.task, m.epoch, names) + " " + to_string(m.state);
  }
  std::string operator()(const Cancel& m) const { return " " + to_text(m.task, names); }
  std::string operator()(const LeaseReply& m) const {
    return task_epoch(m.task, m.epoch, names) + (m.granted ? " granted" : " refused");
  }
  // Grant, Prepared, Commit, Committed, Abort, TaskQuery, LeaseAsk.
  template <typename M>
  std::string operator()(const M& m) const {
    return task_epoch(m.task, m.epoch, names);
  }
};

struct EventWords {
  const Names& names;

  std::string operator()(const Tick&) const { return "tick"; }
  std::string operator()(const MessageReceived& e) const {
    return "from " + names(e.header.from) + ": " + describe(e.message, names);
  }
  std::string operator()(const TaskSubmitted& e) const {
    return "task submitted " + to_text(e.task, names) + " priority " +
           std::to_string(e.needs.priority) + (e.pinned ? " pinned" : "") +
           (e.restarts ? " restarts" : "");
  }
  std::string operator()(const CancelRequested& e) const {
    return "cancel requested " + to_text(e.task, names);
  }
  std::string operator()(const TaskExited& e) const {
    return "task exited " + to_text(e.task, names) + " " + to_string(e.status);
  }
  std::string operator()(const TaskMeasured& e) const {
    return "task measured " + to_text(e.task, names) + " " + number(e.resident_bytes >> 20) +
           " MiB" + (e.migratable ? "" : " not migratable");
  }
  std::string operator()(const MigrateRequested& e) const {
    return "migrate requested " + to_text(e.task, names) +
           (e.to == PeerId::none ? "" : " to " + names(e.to));
  }
  std::string operator()(const HoldRequested& e) const {
    return std::string(e.hold ? "hold" : "release") + " requested " + to_text(e.task, names);
  }
  std::string operator()(const BundleSent& e) const { return outcome("bundle sent", e); }
  std::string operator()(const BundleReceived& e) const { return outcome("bundle received", e); }
  std::string operator()(const ResultsSent& e) const { return outcome("results sent", e); }
  std::string operator()(const LoadSampled& e) const {
    return "load sampled memory " + number(e.memory_available_bytes >> 20) + " MiB pressure " +
           number(e.memory_pressure_thousandths) + " disk " + number(e.disk_available_bytes >> 20) +
           " MiB" + (e.journal_fails ? " journal fails" : "");
  }
  std::string operator()(const Reconfigured&) const { return "reconfigured"; }
  std::string operator()(const SeedsChanged& e) const {
    return "seeds changed to " + number(e.seeds.size());
  }
  std::string operator()(const SubmissionTurnedAway& e) const {
    return std::string("submission turned away: ") + to_string(e.veto);
  }
  std::string operator()(const DrainRequested&) const { return "drain requested"; }
  std::string operator()(const EvacuateRequested& e) const {
    return e.on ? "evacuation requested" : "evacuation called off";
  }

  template <typename E>
  std::string outcome(const char* what, const E& e) const {
    return what + task_epoch(e.task, e.epoch, names) + (e.ok ? " ok" : " failed");
  }
};

struct ActionWords {
  const Names& names;

  std::string operator()(const Send& a) const {
    const std::string to = a.to == PeerId::none ? to_string(a.endpoint) : names(a.to);
    return "send " + to + ": " + describe(a.message, names);
  }
  std::string operator()(const Accepted& a) const { return "accepted " + to_text(a.task, names); }
  std::string operator()(const Refused& a) const {
    return "refused " + to_text(a.task, names) + " " + to_string(a.veto);
  }
  std::string operator()(const StartTask& a) const {
    return "start" + task_epoch(a.task, a.epoch, names);
  }
  std::string operator()(const ExtendLease& a) const {
    return "extend lease" + task_epoch(a.task, a.epoch, names);
  }
  std::string operator()(const FreezeTask& a) const {
    return "freeze" + task_epoch(a.task, a.epoch, names);
  }
  std::string operator()(const RestartTask& a) const {
    return "restart" + task_epoch(a.task, a.epoch, names);
  }
  std::string operator()(const StopTask& a) const { return "stop " + to_text(a.task, names); }
  std::string operator()(const SendBundle& a) const {
    return "send bundle" + task_epoch(a.task, a.epoch, names) + " to " + names(a.to);
  }
  std::string operator()(const ExpectBundle& a) const {
    return "expect bundle" + task_epoch(a.task, a.epoch, names) + " from " + names(a.from);
  }
  std::string operator()(const CancelBundle& a) const {
    return "cancel bundle" + task_epoch(a.task, a.epoch, names);
  }
  std::string operator()(const SendResults& a) const {
    return "send results" + task_epoch(a.task, a.epoch, names) + " to " + names(a.to) + ", " +
           to_string(a.status);
  }
  std::string operator()(const DiscardTask& a) const {
    return "discard" + task_epoch(a.task, a.epoch, names);
  }
  std::string operator()(const RecordChanged& a) const {
    return "record changed " + to_text(a.task, names);
  }
  std::string operator()(const RecordForgotten& a) const {
    return "record forgotten " + to_text(a.task, names);
  }
  std::string operator()(const Persist& a) const {
    return std::string("persist ") + record_name(a.what) + task_epoch(a.task, a.epoch, names) +
           (a.peer == PeerId::none ? "" : " " + names(a.peer));
  }
  std::string operator()(const Drained&) const { return "drained"; }
  std::string operator()(const Emptied&) const { return "emptied"; }
  std::string operator()(const Trace& a) const {
    return (a.task ? to_text(a.task, names) + ": " : std::string()) + to_text(a, names);
  }
};

struct Subject {
  TaskId operator()(const Send& a) const {
    return std::visit(
        [](const auto& m) {
          if constexpr (requires { m.task; })
            return m.task;
          else
            return TaskId{};
        },
        a.message);
  }
  TaskId operator()(const Drained&) const { return {}; }
  TaskId operator()(const Emptied&) const { return {}; }
  template <typename A>
  TaskId operator()(const A& a) const {
    return a.task;
  }
};

}  // namespace

std::string describe(const Message& message, const Names& names) {
  return message_name(message.index()) + std::visit(MessageWords{names}, message);
}

std::string describe(const Event& event, const Names& names) {
  return std::visit(EventWords{names}, event);
}

std::string describe(const Action& action, const Names& names) {
  return std::visit(ActionWords{names}, action);
}

const char* record_name(Persist::What what) {
  static constexpr const char* kNames[] = {
      "submitted",  "offering", "started", "exited",     "held",     "discarded",
      "prepared",   "aborted",  "owned",   "handed_off", "settled",  "moved",
      "cancelling", "finished", "lost",    "restarted",  "forgotten"};
  return kNames[static_cast<std::size_t>(what)];
}

TaskId subject(const Action& action) {
  return std::visit(Subject{}, action);
}

}  // namespace core
