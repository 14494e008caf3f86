#include "config/keys.h"

#include <algorithm>
#include <cctype>

#include "config/key_table.h"
#include "config/paths.h"
#include "core/message.h"
#include "policies/registry.h"

namespace config {
namespace {

using core::kMillisecond;
using core::kSecond;
constexpr core::Duration kMinute = 60 * kSecond;
constexpr core::Duration kHour = 60 * kMinute;
constexpr core::Duration kDay = 24 * kHour;
constexpr std::int64_t kKiB = 1 << 10;
constexpr std::int64_t kTiB = std::int64_t{1} << 40;
constexpr std::size_t kMaxPathBytes = 1024;  // tasks' files are below it
constexpr std::size_t kMaxSeeds = 64;
constexpr std::size_t kMaxHostBytes = 253;

// Names a field of Settings for KeyTable.
#define FIELD(path)             \
  [](auto& settings) -> auto& { \
    return settings.path;       \
  }

bool is_name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
}

std::optional<std::string> parse_name(const std::string& text, Settings& settings) {
  if (text.empty()) return quoted(text) + " is empty";
  if (text.size() > core::kMaxNameBytes) {
    return quoted(text) + " is " + std::to_string(text.size()) + " bytes long";
  }
  if (!std::all_of(text.begin(), text.end(), is_name_character)) {
    return quoted(text) + " contains another character";
  }
  settings.name = text;
  return std::nullopt;
}

// Whether there is such a user or group this board alone knows, and is asked when peerd starts.
template <typename Field>
Key& add_account(KeyTable& table, std::string name, std::string argument, Field field,
                 std::string help) {
  constexpr std::size_t kMaxAccountBytes = 32;
  Key& key = table.add(std::move(name), std::move(argument),
                       "a name of letters, digits, '-', '_' and '.', or nothing", std::move(help));
  key.parse = [field](const std::string& text, Settings& settings) -> std::optional<std::string> {
    if (text.size() > kMaxAccountBytes || !std::all_of(text.begin(), text.end(), is_name_character))
      return quoted(text) + " is no account's name";
    field(settings) = text;
    return std::nullopt;
  };
  key.print = [field](const Settings& settings) { return field(settings); };
  key.live = false;
  return key;
}

std::optional<std::string> parse_preset(const std::string& text, Settings& settings) {
  const std::optional<core::PolicyConfig> preset = policies::preset(text);
  if (!preset) return quoted(text) + " is unknown";
  settings.preset = text;
  settings.core.policy = *preset;
  return std::nullopt;
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string> split_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    parts.push_back(trimmed(text.substr(start, comma - start)));
    start = comma + 1;
  }
  return parts;
}

// The port must be there; whether the host can be resolved turns out later.
bool is_host_and_port(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || colon == 0 || colon > kMaxHostBytes) return false;
  const std::string host = text.substr(0, colon);
  const bool bracketed = host.front() == '[' && host.back() == ']';
  if (!bracketed && host.find_first_of(":[] \t/") != host.npos) return false;
  std::string error;
  return parse_in_range(Unit::count, {1, 65535}, text.substr(colon + 1), error).has_value();
}

std::optional<std::string> parse_seeds(const std::string& text, Settings& settings) {
  std::vector<std::string> seeds;
  if (!text.empty()) seeds = split_at_commas(text);
  if (seeds.size() > kMaxSeeds) return std::to_string(seeds.size()) + " seeds are too many";
  for (const std::string& seed : seeds) {
    if (!is_host_and_port(seed)) return quoted(seed) + " is not a host with a port";
  }
  settings.seeds = seeds;
  return std::nullopt;
}

// 0 stands for all peers.
constexpr KeyTable::Range kViews{8, 1024};

std::optional<std::string> parse_view(const std::string& text, Settings& settings) {
  std::string error;
  const auto view = text == "full" ? std::optional<std::int64_t>(0)
                                   : parse_in_range(Unit::count, kViews, text, error);
  if (!view) return error;
  settings.core.membership.view = static_cast<std::uint32_t>(*view);
  return std::nullopt;
}

std::string print_view(const Settings& settings) {
  const std::uint32_t view = settings.core.membership.view;
  return view == 0 ? "full" : std::to_string(view);
}

void add_node(KeyTable& table) {
  table.section("node", "This peer and its files.");
  Key& name = table.add("name", "NAME", "1 ... 63 letters, digits, '-', '_' and '.'",
                        "How this peer is called in lists, logs and task numbers. Give every peer "
                        "a name of its own.");
  name.parse = parse_name;
  name.print = [](const Settings& settings) { return settings.name; };
  name.live = false;
  name.default_note = "the host name up to its first dot";
  name.example = "board1";
  Key& state = table.path("state_directory", kMaxPathBytes, FIELD(state_directory),
                          "Where this peer keeps its identity and the files of its tasks. Created "
                          "with mode 0700. One daemon at a time.");
  state.live = false;
  state.default_note =
      "/var/lib/peerd as root, else $XDG_STATE_HOME/peerd, else ~/.local/state/peerd";
  state.example = "/var/lib/peerd";
  Key& socket = table.path("socket", kMaxSocketPathBytes, FIELD(socket),
                           "The Unix socket that peerctl talks to. Created with mode 0600, or 0660 "
                           "with control_group.");
  socket.live = false;
  socket.default_note = "control.sock in state_directory";
  socket.example = "/var/lib/peerd/control.sock";
  Key& group =
      add_account(table, "control_group", "GROUP", FIELD(control_group),
                  "A group whose members may use the socket, too: to submit tasks that run "
                  "as themselves, and to steer their own.");
  group.default_note = "none: only peerd's own user and root";
  group.example = "peerd";
  Key& user = add_account(table, "user", "USER", FIELD(user),
                          "Whom peerd becomes when it is started as root and has started its "
                          "executor, the parent of all tasks, which stays root.");
  user.default_note = "none: peerd stays who it is";
  user.example = "peerd";
  add_account(table, "task_user", "USER", FIELD(task_user),
              "Whom tasks run as that come from other peers, or that root has submitted, where "
              "peerd is started as root. root: with all rights, if you mean it. submitter: whoever "
              "submitted them, by number, on boards that have the same users (root's as nobody). A "
              "running task moves only if it may go on as the same user.");
  table.choice("migratable", {"auto", "yes", "no"}, FIELD(migratable),
               "Are tasks started so that they can be moved while they run? It costs some 20 ms "
               "each, and needs root and CRIU. auto: if [policy] migration moves any.");
  table.choice("log_level", {"error", "warning", "info", "debug"}, FIELD(log_level),
               "How much is logged. debug has a line for every event and action.");
}

void add_load(KeyTable& table) {
  table.section("load", "What is load, and how it is measured.");
  Key& slots = table.quantity("slots", Unit::count, {1, 1024}, FIELD(core.load.slots),
                              "How many tasks run at once; the others wait.");
  slots.default_note = "the number of online CPUs that this process may use";
  slots.example = "4";
  Key& weight = table.quantity(
      "weight", Unit::thousandths, {1, 1'000'000}, FIELD(core.load.weight_thousandths),
      "How strong this board is compared with others. The load index is the number of tasks "
      "(waiting, running, expected) divided by the weight.");
  weight.default_note = "the value of slots: a load of 1 is then one task per slot";
  weight.example = "4";
  table.quantity("smoothing", Unit::thousandths, {1, 1000}, FIELD(core.load.smoothing_thousandths),
                 "Exponential smoothing of the load index: the share of the difference by which it "
                 "moves at every sample. 1 is off: the index follows at once.");
  table.quantity("sample_interval", Unit::duration, {10 * kMillisecond, kMinute},
                 FIELD(core.load.sample_interval), "How often memory and disk are looked at.");
  table.quantity("min_memory", Unit::size, {0, kTiB}, FIELD(core.load.min_memory_bytes),
                 "No task is taken from other peers while less memory than this is available. 0 "
                 "is off.");
  table.quantity("max_memory_pressure", Unit::thousandths, {0, 1000},
                 FIELD(core.load.max_memory_pressure_thousandths),
                 "No task is taken from other peers while tasks stall for memory during more than "
                 "this share of the time (PSI, some avg10). 1 is off.");
  table.boolean("reservations", FIELD(core.load.reservations),
                "Tasks that are on their way here count as load already. false lets several peers "
                "send to the same idle one: only to study ping-pong.");
  table.quantity("aging", Unit::duration, {0, kDay}, FIELD(core.load.aging),
                 "How much waiting time is worth one point of priority, so that tasks of low "
                 "priority start too. 0 makes priorities count for nothing.");
}

void add_policy(KeyTable& table) {
  table.section("policy", "Who sends, what goes, where to, and who tells whom how busy it is.");
  Key& preset = table.add("preset", "NAME", joined(policies::preset_names()),
                          "Sets all keys of this section; those given beside it win.");
  preset.parse = parse_preset;
  preset.print = [](const Settings& settings) { return settings.preset; };
  const auto by_preset = [](Key& key) { key.default_note = "as the preset has it"; };
  by_preset(table.choice("transfer", policies::transfer_names(), FIELD(core.policy.transfer),
                         "Transfer policy: is this peer a sender, a receiver or neither?"));
  table.choice(
      "migration", policies::migration_names(), FIELD(core.policy.migration),
      "Which running task moves when no waiting one does. worth_moving: one that gains more "
      "than its move costs, as Harchol-Balter and Downey have it.");
  by_preset(table.choice("selection", policies::selection_names(), FIELD(core.policy.selection),
                         "Selection policy: which task goes?"));
  by_preset(table.choice("location", policies::location_names(), FIELD(core.policy.location),
                         "Location policy: which peer is asked next, which is good enough?"));
  by_preset(table.choice("information", policies::information_names(),
                         FIELD(core.policy.information),
                         "Information policy: what do peers tell each other unasked?"));
  const KeyTable::Range loads{0, 1'000'000};
  by_preset(table.quantity(
      "threshold", Unit::thousandths, loads, FIELD(core.policy.threshold),
      "For transfer = threshold or lookahead: the load above which this peer is a sender "
      "and below which it is a receiver."));
  by_preset(table.quantity("low", Unit::thousandths, loads, FIELD(core.policy.low),
                           "For transfer = dual_threshold: below this load a receiver. Less than "
                           "high."));
  by_preset(table.quantity("high", Unit::thousandths, loads, FIELD(core.policy.high),
                           "For transfer = dual_threshold: above this load a sender."));
  by_preset(table.quantity("information_interval", Unit::duration, {10 * kMillisecond, kHour},
                           FIELD(core.policy.information_interval),
                           "For information = periodic: how often peers are told the load."));
  by_preset(table.quantity("information_fanout", Unit::count, {1, 64},
                           FIELD(core.policy.information_fanout),
                           "For information = periodic: how many random peers are told."));
  by_preset(table.quantity("information_max_age", Unit::duration, {0, kHour},
                           FIELD(core.policy.information_max_age),
                           "What is known of a peer's load is not used when it is older."));
}

void add_limits(KeyTable& table) {
  table.section("limits", "What holds whatever the policies say.");
  const KeyTable::Range answers{kMillisecond, kMinute};
  table.quantity("probe_limit", Unit::count, {0, 64}, FIELD(core.limits.probe_limit),
                 "Probes per search.");
  table.quantity("probe_timeout", Unit::duration, answers, FIELD(core.limits.probe_timeout),
                 "How long a probe's answer is awaited. At most search_timeout.");
  table.quantity("search_timeout", Unit::duration, {kMillisecond, 10 * kMinute},
                 FIELD(core.limits.search_timeout), "How long a whole search may take.");
  table.quantity("searches_at_once", Unit::count, {1, 1024}, FIELD(core.limits.searches_at_once),
                 "Searches under way, as a sender and as a receiver each.");
  table.quantity("search_retry", Unit::duration, {0, kHour}, FIELD(core.limits.search_retry),
                 "How often a peer that stays a sender or a receiver searches again. 0: only when "
                 "tasks come and go. For location = push or pull: the mean of the random pauses "
                 "between searches, more than 0.");
  table.quantity("moves_per_task", Unit::count, {0, 100}, FIELD(core.limits.moves_per_task),
                 "How often a task may be moved. Going home before a shutdown is free.");
  table.quantity("min_residence", Unit::duration, {0, kDay}, FIELD(core.limits.min_residence),
                 "How long a task stays at a peer before it may move on.");
  table.quantity("transfers_at_once", Unit::count, {1, 256}, FIELD(core.limits.transfers_at_once),
                 "Tasks that are being moved, in each direction.");
  table.quantity(
      "migrations_at_once", Unit::count, {1, 256}, FIELD(core.limits.migrations_at_once),
      "Of these, tasks that run: each takes processors and network from those that stay.");
  table.quantity("wishes", Unit::count, {0, 4096}, FIELD(core.limits.wishes),
                 "Probes of others that this peer could not help and remembers, to come back to "
                 "them. Beyond it the oldest is forgotten.");
  table.quantity("wish_timeout", Unit::duration, {kMillisecond, kHour},
                 FIELD(core.limits.wish_timeout), "For how long it remembers them.");
  table.quantity("queue_length", Unit::count, {1, 1'000'000}, FIELD(core.limits.queue_length),
                 "Tasks that wait or are expected here.");
  table.quantity("grant_timeout", Unit::duration, answers, FIELD(core.limits.grant_timeout),
                 "How long the answer to an offered task is awaited. At most transfer_timeout.");
  table.quantity("transfer_timeout", Unit::duration, {kMillisecond, kDay},
                 FIELD(core.limits.transfer_timeout),
                 "How long a place is kept for a granted task whose files are on their way.");
  table.quantity("resend_interval", Unit::duration, answers, FIELD(core.limits.resend_interval),
                 "When a message that was not acknowledged is sent again. Doubles each time, up to "
                 "sixteenfold.");
  table.quantity("lease", Unit::duration, {core::kMinLease, core::kMaxLease},
                 FIELD(core.limits.lease),
                 "For how long a peer may run a task with --restart after-lease without hearing "
                 "from the task's home node, which begins it anew when that peer is gone and the "
                 "lease has run out. Of tasks submitted here from then on.");
  table.quantity("finished_tasks", Unit::count, {1, 10'000'000}, FIELD(core.limits.finished_tasks),
                 "Ended tasks that this peer remembers, with their output.");
  table.quantity("retention", Unit::duration, {kSecond, 3650 * kDay}, FIELD(core.limits.retention),
                 "For how long it remembers them.");
  table.quantity("shutdown_timeout", Unit::duration, {0, kDay}, FIELD(shutdown_timeout),
                 "How long SIGTERM waits for running tasks to end and others to be handed back.");
  table.quantity("kill_grace", Unit::duration, {0, kHour}, FIELD(kill_grace),
                 "How long a task that is being stopped has between SIGTERM and SIGKILL.");
  table.quantity("task_bytes", Unit::size, {0, 1024 * kTiB}, FIELD(task_bytes),
                 "Input files of one task together, and likewise its output files.");
  table.quantity("output_bytes", Unit::size, {4 * kKiB, 1024 * kTiB}, FIELD(output_bytes),
                 "Standard output of one task, and likewise its standard error.");
  table.quantity("streams", Unit::count, {1, 65'536}, FIELD(streams),
                 "Connections from other peers at once.");
  table.quantity(
      "bandwidth_mbit", Unit::count, {0, 1'000'000}, FIELD(bandwidth_mbit),
      "What running tasks that leave may take of the network together, in Mbit/s. 0: all. "
      "They stand still the longer for it.");
}

void add_membership(KeyTable& table) {
  table.section("membership", "How peers find each other and notice each other's end.");
  Key& seeds = table.add("seeds", "HOST:PORT,...",
                         "up to 64 of host:port, separated by commas, port 1 ... 65535",
                         "Peers to join through. One that answers is enough; this peer's own "
                         "address does no harm. Names are resolved at the start and when the "
                         "configuration is read again.");
  seeds.parse = parse_seeds;
  seeds.print = [](const Settings& settings) { return joined(settings.seeds); };
  seeds.default_note = "none";
  seeds.example = "192.0.2.1:7400, board2.example:7400";
  const KeyTable::Range intervals{10 * kMillisecond, kHour};
  table.quantity("probe_interval", Unit::duration, intervals, FIELD(core.membership.probe_interval),
                 "How often one other peer is asked whether it is there.");
  table.quantity("probe_timeout", Unit::duration, {kMillisecond, kHour},
                 FIELD(core.membership.probe_timeout),
                 "How long its answer is awaited before others are asked to try. Less than "
                 "probe_interval.");
  table.quantity("indirect_probes", Unit::count, {0, 16}, FIELD(core.membership.indirect_probes),
                 "How many others are asked to try.");
  table.quantity("suspicion_min", Unit::count, {1, 100}, FIELD(core.membership.suspicion_min),
                 "The shortest time from suspect to dead: this times the probe interval times the "
                 "decimal logarithm of the number of peers.");
  table.quantity("suspicion_max", Unit::count, {1, 100}, FIELD(core.membership.suspicion_max),
                 "The longest time from suspect to dead, as a multiple of the shortest. It shrinks "
                 "as more peers suspect.");
  table.quantity("max_health", Unit::count, {1, 64}, FIELD(core.membership.max_health),
                 "How many times slower than normal a peer that is itself late judges others.");
  table.quantity("join_interval", Unit::duration, intervals, FIELD(core.membership.join_interval),
                 "How often a seed is tried until one answers.");
  table.quantity("rejoin_interval", Unit::duration, intervals,
                 FIELD(core.membership.rejoin_interval),
                 "How often a peer that was declared dead is tried.");
  table.quantity("dead_retention", Unit::duration, {kSecond, 365 * kDay},
                 FIELD(core.membership.dead_retention), "How long a gone peer is remembered.");
  table.quantity("max_peers", Unit::count, {1, 65'536}, FIELD(core.membership.max_peers),
                 "Peers that are kept track of, gone ones included.");
  Key& view =
      table.add("view", "full|NUMBER", "full, " + print_range(Unit::count, kViews),
                "How many other peers are known at a time: all of them, or a random sample of that "
                "size, which keeps memory and messages the same however many there are. Give all "
                "peers the same.");
  view.parse = parse_view;
  view.print = print_view;
  view.live = false;
}

void add_network(KeyTable& table) {
  table.section("network", "Addresses.");
  table
      .endpoint("listen", {0, 65'535}, FIELD(listen),
                "Where this peer listens, UDP and TCP alike. Port 0 takes any free one. Anything "
                "beyond loopback needs insecure = true.")
      .live = false;
  Key& advertise = table.endpoint("advertise", {0, 65'535}, FIELD(advertise),
                                  "Where other peers reach this one. Needed if listen is every "
                                  "address (0.0.0.0 or [::]). Port 0 stands for that of listen.");
  advertise.live = false;
  advertise.default_note = "the value of listen";
  advertise.example = "192.0.2.1:7400";
  table
      .boolean("insecure", FIELD(insecure),
               "Listen beyond loopback although peers cannot authenticate each other yet. Anyone "
               "who reaches the port can then run programs here: only on a network you trust.")
      .live = false;
}

#undef FIELD

const KeyTable& table() {
  static const KeyTable whole = [] {
    KeyTable made;
    add_node(made);
    add_load(made);
    add_policy(made);
    add_limits(made);
    add_membership(made);
    add_network(made);
    return made;
  }();
  return whole;
}

}  // namespace

const std::vector<Key>& keys() {
  return table().keys();
}

const std::vector<Section>& sections() {
  return table().sections();
}

const Key* find_key(const std::string& full_name) {
  for (const Key& key : keys()) {
    if (key.full_name() == full_name) return &key;
  }
  return nullptr;
}

}  // namespace config
