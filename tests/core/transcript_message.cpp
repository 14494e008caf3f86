// What the script's peers say. Search, epoch and the report that an acknowledgement is for are the
// ones last heard of unless given; `load=` and the like default to an idle peer's.
//
//     b: probe [as=sender] [search=N] [leaves_wish=1] [waited=2s]
//     b: probe_reply [load=1.5] [role=receiver] [veto=draining] [movable=N] [search=N]
//     [wish_kept=1]
//        [referral=c]
//     b: withdraw [search=N]
//     b: load_report load=1 role=ok
//     b: request search=N               b: decline [veto=...] [load=...] [role=...] [search=N]
//     b: offer b.1 [epoch=2] [source_load=3] [hops=0] [memory=MIB] [bundle=BYTES] [priority=P]
//         [wanted] [running]
//         [search=N] [going_home]
//     b: grant a.2                      also prepared, commit, committed, abort, task_query
//     b: reject a.2 [veto=policy] [load=2] [role=ok]
//     b: task_report a.2 running [epoch=2] [owner=b] [status=exit_0] [hops=1]
//     b: task_report_ack b.1            b: cancel b.1
//     b: news c dead                    also alive, suspect, left; [draining] [start=2] [refuted]
#include <optional>

#include "tests/core/transcript_stage.h"

namespace core_test {
namespace {

core::Endpoint endpoint_of(core::PeerId peer) {
  core::Endpoint endpoint;
  endpoint.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 0};
  endpoint.address[15] = static_cast<std::uint8_t>(core::value(peer));
  endpoint.port = 7400;
  return endpoint;
}

core::Member parse_member(Words& words, Memory& memory) {
  core::Member member;
  member.id = memory.peer(words.next());
  member.name = letter_of(member.id);
  member.endpoint = endpoint_of(member.id);
  core::Incarnation& incarnation = memory.incarnations[member.id];
  incarnation = memory.incarnation_of(member.id);
  const auto start = words.option("start", parse_number, std::uint64_t{0});
  if (start > 0) incarnation = core::first_incarnation(static_cast<std::uint32_t>(start));
  static constexpr std::pair<const char*, core::MemberState> kStates[] = {
      {"alive", core::MemberState::alive},
      {"suspect", core::MemberState::suspect},
      {"dead", core::MemberState::dead},
      {"left", core::MemberState::left}};
  std::optional<core::MemberState> state;
  for (const auto& [word, value] : kStates)
    if (!state && words.take(word)) state = value;
  if (!state) throw WordError{"news needs alive, suspect, dead or left"};
  member.state = *state;
  member.draining = words.take("draining");
  if (words.take("refuted")) ++incarnation;
  member.incarnation = incarnation;
  member.accuser = peer_of('b');
  return member;
}

core::Offer parse_offer(Words& words) {
  core::Offer offer;
  offer.task = parse_task(words.next());
  offer.epoch = words.option("epoch", parse_number, core::Epoch{2});
  offer.hops = words.option("hops", parse_number, std::uint32_t{0});
  offer.search = words.option("search", parse_number, std::uint32_t{0});
  offer.source_load = words.option("source_load", parse_load, core::Load{3000});
  if (words.take("going_home")) offer.source_load = core::kLeaving;
  offer.needs.memory_bytes = words.option("memory", parse_number, std::uint64_t{0}) << 20;
  offer.needs.bundle_bytes = words.option("bundle", parse_number, std::uint64_t{0});
  offer.waited = words.option("waited", parse_duration, core::Duration{0});
  offer.needs.lease = words.option("lease", parse_duration, core::Duration{0});
  offer.needs.priority = words.option("priority", parse_number, std::int32_t{0});
  offer.wanted = words.take("wanted");
  offer.running = words.take("running");
  return offer;
}

core::TaskReport parse_report(Words& words, core::PeerId from, const Memory& memory) {
  core::TaskReport report;
  report.task = parse_task(words.next());
  report.state = parse_state(words.next());
  report.epoch = words.option("epoch", parse_number, memory.epoch_of(report.task));
  report.owner = words.option("owner", parse_peer, from);
  report.hops = words.option("hops", parse_number, std::uint32_t{report.epoch - 1});
  report.status = words.option("status", parse_status, core::ExitStatus{});
  return report;
}

core::TaskReportAck parse_report_ack(Words& words, core::PeerId from, const Memory& memory) {
  const core::TaskId task = parse_task(words.next());
  const auto found = memory.reports.find({from, task});
  if (found == memory.reports.end()) throw WordError{"no report was sent that this could be for"};
  core::TaskReportAck ack{task, found->second.epoch, found->second.state};
  ack.epoch = words.option("epoch", parse_number, ack.epoch);
  ack.state = words.option("state", parse_state, ack.state);
  return ack;
}

template <typename M>
core::Message about_task(Words& words, const Memory& memory) {
  M message;
  message.task = parse_task(words.next());
  message.epoch = words.option("epoch", parse_number, memory.epoch_of(message.task));
  return message;
}

// Asked, by default, at the beginning of the script.
template <typename M>
M about_lease(Words& words, const Memory& memory) {
  M message;
  message.task = parse_task(words.next());
  message.epoch = words.option("epoch", parse_number, memory.epoch_of(message.task));
  message.asked = words.option("asked", parse_duration, core::Duration{0});
  message.life = words.option("life", parse_number, std::uint32_t{1});
  return message;
}

}  // namespace

core::Message parse_message(Words& words, core::PeerId from, Memory& memory) {
  const std::string name = words.next();
  const auto search = [&] { return words.option("search", parse_number, memory.searches[from]); };
  const auto role = [&](core::Role otherwise) {
    return words.option("role", parse_role, otherwise);
  };
  const auto load = [&] { return words.option("load", parse_load, core::Load{0}); };
  const auto veto = [&](core::Veto otherwise) {
    return words.option("veto", parse_veto, otherwise);
  };
  using core::Role;
  using core::Veto;

  if (name == "probe") {
    const Role as = words.option("as", parse_role, Role::sender);
    core::Probe probe{words.option("search", parse_number, std::uint32_t{1}), as};
    probe.waited = words.option("waited", parse_duration, core::Duration{0});
    probe.leaves_wish = words.option("leaves_wish", parse_number, 0u) != 0;
    return probe;
  }
  if (name == "probe_reply") {
    core::ProbeReply reply{search(), load(), role(Role::receiver), veto(Veto::none), 0};
    reply.movable = words.option("movable", parse_number, std::uint32_t{0});
    reply.wish_kept = words.option("wish_kept", parse_number, 0u) != 0;
    reply.referral = words.option("referral", parse_peer, core::PeerId::none);
    if (reply.referral != core::PeerId::none) reply.referral_endpoint = endpoint_of(reply.referral);
    return reply;
  }
  if (name == "load_report") return core::LoadReport{load(), role(Role::ok)};
  if (name == "request") return core::Request{words.option("search", parse_number, 1u)};
  if (name == "withdraw") return core::Withdraw{words.option("search", parse_number, 1u)};
  if (name == "decline")
    return core::Decline{search(), veto(Veto::nothing_movable), load(), role(Role::ok)};
  if (name == "offer") return parse_offer(words);
  if (name == "reject") {
    const core::TaskId task = parse_task(words.next());
    return core::Reject{task, words.option("epoch", parse_number, memory.epoch_of(task)),
                        veto(Veto::policy), load(), role(Role::ok)};
  }
  if (name == "grant") return about_task<core::Grant>(words, memory);
  if (name == "prepared") return about_task<core::Prepared>(words, memory);
  if (name == "commit") return about_task<core::Commit>(words, memory);
  if (name == "committed") return about_task<core::Committed>(words, memory);
  if (name == "abort") return about_task<core::Abort>(words, memory);
  if (name == "task_query") return about_task<core::TaskQuery>(words, memory);
  if (name == "task_report") return parse_report(words, from, memory);
  if (name == "task_report_ack") return parse_report_ack(words, from, memory);
  if (name == "lease_ask") {
    core::LeaseAsk ask = about_lease<core::LeaseAsk>(words, memory);
    ask.hops = words.option("hops", parse_number, std::uint32_t{0});
    return ask;
  }
  if (name == "lease_reply") {
    core::LeaseReply reply = about_lease<core::LeaseReply>(words, memory);
    reply.granted = !words.take("refused");
    return reply;
  }
  if (name == "cancel") return core::Cancel{parse_task(words.next())};
  if (name == "news") return core::News{{parse_member(words, memory)}};
  throw WordError{"no such message: " + name};
}

}  // namespace core_test
