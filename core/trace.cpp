#include "core/trace.h"

#include <cassert>
#include <string_view>

#include "core/message.h"

namespace core {
namespace {

// {peer}; {who:x}, another peer, {int:x}, {epoch:x}, {load:x}, {role:x}, {veto:x}, {state:x},
// {message:x}, {percent:x}, {time:x} and {status:xy} read the fields a, b and c. {but:x} names a
// veto if there is one, {threshold:x} a sender's threshold if there is one; {source:x} is an
// Offer's source_load.
struct Template {
  What what;
  const char* key;
  const char* text;
};

constexpr Template kTemplates[] = {
    {What::task_submitted, "task_submitted",
     "submitted here with priority {int:a}; load index now {load:b}{threshold:c}"},
    {What::task_refused, "task_refused", "submission refused: {veto:a}"},
    {What::task_started, "task_started",
     "started after waiting {time:a} here; {int:b} of {int:c} slots busy"},
    {What::task_goes_on, "task_goes_on",
     "goes on here where it was frozen, after running for {time:a}; slots in use: {int:b} of "
     "{int:c}"},
    {What::task_exited, "task_exited", "ended after running {time:c}: {status:ab}"},
    {What::task_finished, "task_finished", "finished on {peer}: {status:ab}"},
    {What::task_lost, "task_lost", "lost with {peer}, which had it at epoch {epoch:a}"},
    {What::task_moved, "task_moved", "now with {peer}, epoch {epoch:a}"},
    {What::task_found_again, "task_found_again", "was taken for lost; {peer} is back and has it"},
    {What::task_interrupted, "task_interrupted",
     "was running when this peer stopped; its process is gone"},
    {What::task_recovered, "task_recovered", "is here again after a restart, epoch {epoch:a}"},
    {What::task_frozen, "task_frozen",
     "frozen after running for {time:a}: {peer} grants no longer lease"},
    {What::task_thawed, "task_thawed",
     "goes on with a new lease, after running for {time:a}; slots in use: {int:b} of {int:c}"},
    {What::task_restarted, "task_restarted",
     "begun anew from the beginning as epoch {epoch:a}: {peer}, which had it, is gone"},
    {What::cancel_requested, "cancel_requested", "its user cancelled it"},
    {What::migration_wished, "migration_wished", "its user wants it moved to {peer}"},
    {What::wish_refused, "wish_refused", "its user wants it moved, in vain: {veto:a}"},
    {What::task_held, "task_held", "its user wants it to stay here"},
    {What::task_released, "task_released", "its user lets it move again"},

    {What::became_sender, "became_sender",
     "load index {load:a} is above the threshold {load:b}: this peer is a sender"},
    {What::search_started, "search_started",
     "search {int:a} begins as {role:b}; probe limit {int:c}"},
    {What::probe_sent, "probe_sent",
     "search {int:a}: probe {int:b} of at most {int:c} goes to {peer}"},
    {What::probe_answered, "probe_answered",
     "{peer} answers: load index {load:a}, {role:b}{but:c}"},
    {What::probe_timed_out, "probe_timed_out", "{peer} does not answer the probe within {time:a}"},
    {What::wish_kept, "wish_kept", "remembers that {peer} asked, as a {role:a}"},
    {What::wish_used, "wish_used", "{peer} had asked before"},
    {What::referral_given, "referral_given",
     "refers {peer} to {who:a}, which asked before as a {role:b}"},
    {What::referral_followed, "referral_followed", "search {int:a}: {who:b} refers to {peer}"},
    {What::peer_chosen, "peer_chosen", "search {int:a}: chooses {peer}"},
    {What::search_succeeded, "search_succeeded", "search {int:a} succeeds; peers asked: {int:b}"},
    {What::search_gave_up, "search_gave_up", "search {int:a} gives up; peers asked: {int:b}"},
    {What::search_moot, "search_moot", "search {int:a} ends: nothing is left for it to do"},
    {What::request_sent, "request_sent", "search {int:a}: asks {peer} for a task"},
    {What::request_declined, "request_declined",
     "{peer} gives no task: {veto:a}, load index {load:b}"},
    {What::request_timed_out, "request_timed_out",
     "{peer} does not answer the request within {time:a}"},
    {What::nothing_selected, "nothing_selected",
     "the selection policy finds no task to move among {int:a} waiting"},

    {What::limit_probes, "limit_probes", "search {int:a}: probe limit {int:b} reached"},
    {What::limit_search_time, "limit_search_time", "search {int:a}: time limit {time:b} reached"},
    {What::limit_searches, "limit_searches", "no search: {int:a} at once is the limit"},
    {What::limit_transfers, "limit_transfers", "no transfer: {int:a} at once is the limit"},
    {What::limit_migrations, "limit_migrations",
     "no move of a running task: {int:a} at once is the limit"},
    {What::limit_moves, "limit_moves", "stays: moves so far: {int:a}, the limit"},
    {What::limit_residence, "limit_residence",
     "stays: it has not been here for {time:a}, the minimum residence"},
    {What::limit_queue, "limit_queue", "no room: {int:a} waiting tasks is the limit"},

    {What::offer_sent, "offer_sent", "offered to {peer} as epoch {epoch:a}{source:b}"},
    {What::offer_granted, "offer_granted", "{peer} grants epoch {epoch:a} and reserves a place"},
    {What::offer_rejected, "offer_rejected", "{peer} rejects it: {veto:a}, load index {load:b}"},
    {What::offer_timed_out, "offer_timed_out", "{peer} does not answer the offer within {time:a}"},
    {What::bundle_sent, "bundle_sent", "files sent to {peer}"},
    {What::bundle_failed, "bundle_failed", "files could not be brought to or from {peer}"},
    {What::not_migratable, "not_migratable", "its process cannot be moved; it goes on here"},
    {What::handed_off, "handed_off",
     "handed over to {peer} as epoch {epoch:a}: from here on it belongs there"},
    {What::handoff_committed, "handoff_committed", "{peer} confirms that it has it"},
    {What::handoff_aborted, "handoff_aborted", "handoff to {peer} called off; it stays here"},

    {What::grant_given, "grant_given",
     "offer of {peer} granted as epoch {epoch:a}; load index with it {load:b}"},
    {What::search_led_here, "search_led_here",
     "it comes of this peer's own search {int:a} as a receiver; probes sent: {int:b}"},
    {What::grant_refused, "grant_refused",
     "offer of {peer} rejected: {veto:a}, load index {load:b}"},
    {What::reservation_expired, "reservation_expired",
     "reservation for {peer} expired after {time:a}"},
    {What::prepared, "prepared", "files from {peer} are here; it is asked to hand over"},
    {What::arrived, "arrived", "taken over from {peer} as epoch {epoch:a}, move {int:b}"},
    {What::arrival_aborted, "arrival_aborted",
     "handoff from {peer} called off; nothing of it stays here"},
    {What::request_accepted, "request_accepted",
     "{peer} asked for a task, after {int:a} probes of its own: this one may go"},
    {What::request_refused, "request_refused",
     "{peer} asked for a task: {veto:a}, load index {load:b}"},

    {What::report_sent, "report_sent", "tells its home node {peer}: {state:a}"},
    {What::lease_renewed, "lease_renewed", "{peer} lets it run for another {time:a}"},
    {What::lease_refused, "lease_refused",
     "{peer} has nothing more to do with epoch {epoch:a}: ended here"},
    {What::lease_given, "lease_given", "{peer} may run it at epoch {epoch:a}"},
    {What::lease_denied, "lease_denied",
     "{peer} asks to run it at epoch {epoch:a}, which is outdated: it is to end it"},
    {What::lease_awaited, "lease_awaited",
     "{peer}, which has it, is gone, and may run it for another {time:a}"},
    {What::results_failed, "results_failed",
     "results could not be delivered to {peer}; trying again in {time:a}"},

    {What::peer_joined, "peer_joined", "{peer} joined"},
    {What::peer_suspected, "peer_suspected", "{peer} is suspected"},
    {What::peer_dead, "peer_dead", "{peer} is dead"},
    {What::peer_left, "peer_left", "{peer} left"},
    {What::peer_returned, "peer_returned", "{peer} is back"},
    {What::peer_draining, "peer_draining", "{peer} takes no more tasks"},
    {What::peer_serves_again, "peer_serves_again", "{peer} takes tasks again"},
    {What::peers_full, "peers_full", "{peer} is not remembered: {int:a} peers is the limit"},
    {What::suspicion_refuted, "suspicion_refuted", "this peer is suspected or worse; it refutes"},
    {What::identity_conflict, "identity_conflict",
     "{peer} at another address uses this peer's identity: was a state directory copied?"},
    {What::woke_late, "woke_late",
     "this peer stood still for {time:a}; nobody is blamed for silence"},

    {What::memory_pressure_on, "memory_pressure_on",
     "memory pressure: {int:a} MiB available, tasks stalled {percent:b} of the time; takes no "
     "tasks"},
    {What::memory_pressure_off, "memory_pressure_off",
     "memory pressure is over: {int:a} MiB available"},
    {What::draining, "draining", "draining: takes no tasks, hands back what waits"},
    {What::evacuating, "evacuating", "draining: takes no tasks, hands over what it has"},
    {What::evacuation_ended, "evacuation_ended", "takes tasks again"},
    {What::emptied, "emptied", "no task is left here"},
    {What::reconfigured, "reconfigured", "configuration changed"},
    {What::message_ignored, "message_ignored",
     "{message:a} of {peer} ignored: it is outdated or not from whom it says"},
};

constexpr bool complete() {
  if (std::size(kTemplates) != kWhats) return false;
  for (std::size_t i = 0; i < kWhats; ++i)
    if (static_cast<std::size_t>(kTemplates[i].what) != i) return false;
  return true;
}
static_assert(complete(), "one row per What, in its order");

const Template& row(What what) {
  assert(static_cast<std::size_t>(what) < kWhats);
  return kTemplates[static_cast<std::size_t>(what)];
}

std::int64_t field(const Trace& trace, char letter) {
  return letter == 'a' ? trace.a : letter == 'b' ? trace.b : trace.c;
}

// "0.035 ms", "250 ms", "83.5 s": as precise as a reader wants it.
std::string duration(std::int64_t us) {
  if (us == 0) return "0 ms";
  const auto padded = [](std::int64_t number, std::size_t width) {
    const std::string digits = std::to_string(number);
    return std::string(width - digits.size(), '0') + digits;
  };
  if (us < 10 * kMillisecond)
    return std::to_string(us / kMillisecond) + "." + padded(us % kMillisecond, 3) + " ms";
  if (us < 10 * kSecond) return std::to_string(us / kMillisecond) + " ms";
  return std::to_string(us / kSecond) + "." + std::to_string(us % kSecond / 100'000) + " s";
}

std::string source_load(Load load) {
  if (load == kLeaving) return ": this peer is leaving";
  return "; load index without it " + to_text(load);
}

std::string threshold(Load load) {
  return load == kMaxLoad ? "" : ", a sender above " + to_text(load);
}

std::string percent(std::int64_t thousandths) {
  return std::to_string(thousandths / 10) + "." + std::to_string(thousandths % 10) + " %";
}

std::string but(Veto veto) {
  return veto == Veto::none ? "" : std::string(", but ") + to_string(veto);
}

std::string placeholder(std::string_view name, const Trace& trace, const Names& names) {
  if (name == "peer") return names(trace.peer);
  const std::size_t colon = name.find(':');
  const std::string_view kind = name.substr(0, colon);
  const std::int64_t number = field(trace, name[colon + 1]);
  if (kind == "who") return names(PeerId{static_cast<std::uint64_t>(number)});
  if (kind == "epoch") return epoch_text(static_cast<Epoch>(number));
  if (kind == "int") return std::to_string(number);
  if (kind == "load") return to_text(static_cast<Load>(number));
  if (kind == "role") return to_string(static_cast<Role>(number));
  if (kind == "veto") return to_string(static_cast<Veto>(number));
  if (kind == "state") return to_string(static_cast<TaskState>(number));
  if (kind == "time") return duration(number);
  if (kind == "threshold") return threshold(static_cast<Load>(number));
  if (kind == "percent") return percent(number);
  if (kind == "message") return message_name(static_cast<std::size_t>(number));
  if (kind == "but") return but(static_cast<Veto>(number));
  if (kind == "source") return source_load(static_cast<Load>(number));
  assert(kind == "status");
  return to_string(ExitStatus{static_cast<ExitStatus::Kind>(number),
                              static_cast<std::int32_t>(field(trace, name[colon + 2]))});
}

}  // namespace

const char* key(What what) {
  return row(what).key;
}

std::string to_text(TaskId task, const Names& names) {
  return names(task.home) + "." + std::to_string(task.serial);
}

std::string to_text(Load load) {
  if (load == kMaxLoad) return "infinity";
  const std::string fraction = std::to_string(load % 1000);
  return std::to_string(load / 1000) + "." + std::string(3 - fraction.size(), '0') + fraction;
}

std::string to_text(const Trace& trace, const Names& names) {
  const std::string_view pattern = row(trace.what).text;
  std::string text;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t open = pattern.find('{', at);
    text += pattern.substr(at, open - at);
    if (open == std::string_view::npos) break;
    const std::size_t shut = pattern.find('}', open);
    text += placeholder(pattern.substr(open + 1, shut - open - 1), trace, names);
    at = shut + 1;
  }
  return text;
}

}  // namespace core
