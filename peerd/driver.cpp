#include "peerd/driver.h"

#include <sys/random.h>
#include <time.h>

#include <cassert>
#include <utility>

#include "core/describe.h"
#include "net/codec.h"
#include "peerd/clock.h"
#include "peerd/stop_point.h"
#include "policies/registry.h"

namespace peerd {
namespace {

constexpr int kPortTries = 16;
constexpr core::Duration kJournalRetry = core::kSecond;

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  const ssize_t got = ::getrandom(&seed, sizeof seed, 0);
  assert(got == sizeof seed);
  return seed;
}

// UTC, to the millisecond: boards' clocks differ, but not so much that a story could not be read.
std::string time_of_day() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  ::gmtime_r(&now.tv_sec, &utc);
  return fmt::format("{:02}:{:02}:{:02}.{:03}", utc.tm_hour, utc.tm_min, utc.tm_sec,
                     now.tv_nsec / 1'000'000);
}

Stays::Limits limits_of_stays(const config::Settings& settings) {
  const bool migratable =
      settings.migratable == "yes" ||
      (settings.migratable == "auto" && settings.core.policy.migration != "never");
  const auto task_user = find_user(config::task_account(settings));
  return {.migratable = migratable,
          .task_user = task_user ? task_user->uid : net::kNoUser,
          .as_submitter = settings.task_user == config::kSubmitter,
          .kill_grace = settings.kill_grace,
          .output_bytes = settings.output_bytes,
          .bandwidth_mbit = settings.bandwidth_mbit,
          .task_bytes = settings.task_bytes};
}

// What concerns the whole peer is worth a line at the usual level; a single task's story is not.
Level level_of(core::What what) {
  switch (what) {
    case core::What::peer_joined:
    case core::What::peer_dead:
    case core::What::peer_left:
    case core::What::peer_returned:
    case core::What::peer_draining:
    case core::What::memory_pressure_on:
    case core::What::memory_pressure_off:
    case core::What::peer_serves_again:
    case core::What::draining:
    case core::What::evacuating:
    case core::What::evacuation_ended:
    case core::What::emptied:
    case core::What::woke_late:
      return Level::info;
    case core::What::task_lost:
    case core::What::task_frozen:
    case core::What::task_restarted:
    case core::What::peers_full:
    case core::What::identity_conflict:
      return Level::warning;
    default:
      return Level::debug;
  }
}

}  // namespace

struct Driver::Turns {
  uv_prepare_t prepare;
  uv_check_t check;
  Driver* driver;

  Turns(uv_loop_t* loop, Driver* owner) : driver(owner) {
    uv_prepare_init(loop, &prepare);
    uv_check_init(loop, &check);
    prepare.data = check.data = this;
    uv_prepare_start(&prepare, [](uv_prepare_t* handle) {
      static_cast<Turns*>(handle->data)->driver->drain_inbox();
    });
    uv_check_start(&check, [](uv_check_t* handle) {
      static_cast<Turns*>(handle->data)->driver->drain_inbox();
    });
  }

  // The handles live on until the loop has let go of them.
  static void close(std::unique_ptr<Turns> turns) {
    Turns* raw = turns.release();
    uv_prepare_stop(&raw->prepare);
    uv_check_stop(&raw->check);
    uv_close(reinterpret_cast<uv_handle_t*>(&raw->prepare), [](uv_handle_t* handle) {
      auto* self = static_cast<Turns*>(handle->data);
      uv_close(reinterpret_cast<uv_handle_t*>(&self->check),
               [](uv_handle_t* inner) { delete static_cast<Turns*>(inner->data); });
    });
  }
};

Driver::Driver(uv_loop_t* loop, Log& log, const config::Settings& settings, JournalStore& journal,
               std::vector<core::Endpoint> seeds)
    : loop_(loop),
      log_(log),
      settings_(settings),
      journal_(journal),
      seeds_(std::move(seeds)),
      files_(settings.state_directory, journal.id()),
      sampler_(settings.state_directory),
      streams_(loop, log, [this](auto& stream, const auto& first) { hello(stream, first); }),
      node_timer_(loop, [this] { post(core::Tick{}); }),
      sample_timer_(loop, [this] { sample(); }),
      journal_timer_(loop, [this] { try_again(); }) {
  home_ = std::make_unique<HomeTasks>(
      loop, journal.id(), files_, explanations_,
      [this](net::UserNumber user, const auto& files, ResultsReceiver::Placed placed) {
        stays_->place(user, files, std::move(placed));
      });
  Stays::Surroundings around;
  around.loop = loop;
  around.self = journal.id();
  around.files = &files_;
  around.state_directory = settings.state_directory;
  around.explanations = &explanations_;
  around.log = &log_;
  around.post = [this](core::Event event) { post(std::move(event)); };
  around.name_of = [this](core::TaskId task) { return name_of(task); };
  around.explain = [this](core::TaskId task, const std::string& text) {
    explanations_.add(task, time_of_day() + " " + settings_.name + ": " + text);
  };
  around.own_endpoint = [this] { return socket_->local(); };
  around.endpoint_of = [this](core::PeerId peer) {
    // One that has not been heard since the start is known without an address.
    const auto endpoint = node_->endpoint(peer);
    return endpoint && endpoint->port != 0 ? endpoint : std::nullopt;
  };
  around.ended_at_home = [this](core::TaskId task, const net::StreamEnding& ending) {
    home_->ended(task, ending);
  };
  stays_ = std::make_unique<Stays>(std::move(around), limits_of_stays(settings));
  apply(settings);
}

Driver::~Driver() {
  if (turns_) Turns::close(std::move(turns_));
}

std::string Driver::start() {
  JournalStore::Recovered recovered = journal_.take_recovered();
  std::string failure;
  // Before anything is thrown away: what is not in the journal must not run any more then.
  const auto alive = stays_->take_up(recovered.journal, failure);
  if (!failure.empty()) return failure;
  std::size_t cleared = 0;
  if (const auto error = files_.prepare(recovered.journal, cleared)) return *error;
  if (cleared > 0)
    log_.info("cleared {} files and directories that nothing here needs any more", cleared);
  if (const std::string error = bind(); !error.empty()) return error;
  core::Endpoint advertised = settings_.advertise;
  if (advertised.port == 0) advertised.port = socket_->local().port;
  const core::Identity self{journal_.id(), settings_.name, advertised, journal_.incarnation()};
  recover(recovered);
  node_ = std::make_unique<core::Node>(self, std::make_shared<core::Config>(settings_.core),
                                       policies::make_policies, seeds_, random_seed(),
                                       std::move(recovered.journal));
  node_->keep_running(alive);
  if (!alive.empty()) log_.info("{} tasks have gone on without this daemon", alive.size());
  log_.info("{} ({:016x}) on {}, {} slots; limits of tasks by {}", settings_.name,
            core::value(self.id), core::to_string(socket_->local()), settings_.core.load.slots,
            stays_->limits_in_use());
  turns_ = std::make_unique<Turns>(loop_, this);
  inbox_.push_front(core::Tick{});
  stays_->tell_ended();
  return "";
}

void Driver::recover(const JournalStore::Recovered& recovered) {
  Submissions::Surroundings around;
  around.loop = loop_;
  around.log = &log_;
  around.self = journal_.id();
  around.name = settings_.name;
  around.files = &files_;
  around.home = home_.get();
  around.stays = stays_.get();
  around.post = [this](core::Event event) { post(std::move(event)); };
  submissions_ = std::make_unique<Submissions>(std::move(around), recovered.journal.last_serial);
  for (const SpecRow& task : recovered.home_tasks) {
    home_->add(task.task, task.spec, task.epoch);
    if (recovered.journal.holds(task.task, 0)) stays_->add(task.task, 0, task.spec);
    if (!task.message.empty()) home_->ended(task.task, {{}, task.message});
  }
  for (const SpecRow& stay : recovered.stays)
    stays_->add(stay.task, stay.epoch, stay.spec, stay.message);
  const std::size_t stays = recovered.stays.size();
  if (stays > 0 || !recovered.home_tasks.empty())
    log_.info("the journal holds {} tasks here, and remembers {} that were submitted here", stays,
              recovered.home_tasks.size());
}

// Datagrams and streams share a port. One of the system's choice may be free for datagrams alone;
// then another is asked for.
std::string Driver::bind() {
  const int tries = settings_.listen.port == 0 ? kPortTries : 1;
  std::string error;
  for (int i = 0; i < tries; ++i) {
    socket_ = net::DatagramSocket::bind(
        loop_, settings_.listen,
        [this](const core::Endpoint& from, std::span<const std::uint8_t> bytes) {
          received(from, bytes);
        },
        error);
    if (!socket_) return error;
    error = streams_.listen(socket_->local());
    if (error.empty()) return "";
  }
  return error;
}

void Driver::apply(const config::Settings& settings) {
  settings_ = settings;
  log_.set_level(settings.log_level);
  home_->configure({settings.output_bytes, settings.task_bytes});
  stays_->configure(limits_of_stays(settings));
  streams_.set_limit(settings.streams);
  sample_timer_.start(0, settings.core.load.sample_interval);
}

void Driver::reconfigure(const config::Settings& settings) {
  apply(settings);
  post(core::Reconfigured{std::make_shared<core::Config>(settings.core)});
}

void Driver::drain(std::function<void()> on_drained) {
  on_drained_ = std::move(on_drained);
  post(core::DrainRequested{});
}

void Driver::set_on_emptied(std::function<void()> on_emptied) {
  on_emptied_ = std::move(on_emptied);
}

void Driver::set_on_record_changed(std::function<void(core::TaskId)> on_changed) {
  on_record_changed_ = std::move(on_changed);
}

core::Names Driver::names() const {
  return [this](core::PeerId peer) { return node_->name(peer); };
}

std::string Driver::name_of(core::TaskId task) const {
  return core::to_text(task, names());
}

void Driver::submit(const net::TaskSpec& spec, Submissions::Answer answer) {
  const core::Veto veto = journal_failing_ ? core::Veto::journal : node_->admission();
  if (veto == core::Veto::none)
    return submissions_->submit(spec, settings_.task_bytes, std::move(answer));
  post(core::SubmissionTurnedAway{veto});
  submissions_->refuse(answer, core::to_string(veto));
}

// --- Events in

void Driver::post(core::Event event) {
  inbox_.push_back(std::move(event));
}

void Driver::drain_inbox() {
  while (!inbox_.empty()) {
    core::Actions batch;
    while (!inbox_.empty()) {
      const core::Event event = std::move(inbox_.front());
      inbox_.pop_front();
      if (log_.writes(Level::debug))
        log_.line(Level::debug, "event: " + core::describe(event, names()));
      for (core::Action& action : node_->step(monotonic_now(), event)) {
        const auto* results = std::get_if<core::SendResults>(&action);
        if (results == nullptr || !stays_->has_nothing_to_send(*results))
          batch.push_back(std::move(action));
      }
    }
    perform(outbox_.release(std::move(batch), [this](const std::vector<core::Persist>& records) {
      return commit(records);
    }));
  }
  const core::Time due = node_->next_timeout();
  if (due == core::kNever) return node_timer_.stop();
  node_timer_.start(due - monotonic_now());
}

// --- The journal

bool Driver::commit(const std::vector<core::Persist>& records) {
  // While it fails only the timer tries, or each message that comes in would cost a write.
  if (outbox_.holds() && !trying_again_) return false;
  std::vector<JournalStore::Entry> entries;
  entries.reserve(records.size());
  for (const core::Persist& record : records) entries.push_back(entry_of(record));
  const std::string why = journal_.commit(entries, monotonic_now());
  if (why.empty())
    for (const core::Persist& record : records)
      stop_point("committed", core::record_name(record.what));
  if (!why.empty() || !journal_.has_reserve()) journal_fails(why);
  return why.empty();
}

JournalStore::Entry Driver::entry_of(const core::Persist& record) const {
  using Record = core::Persist::What;
  JournalStore::Entry entry{record, nullptr, ""};
  switch (record.what) {
    case Record::submitted:
    case Record::prepared:
    case Record::owned:
      entry.spec = stays_->spec(record.task, record.epoch);
      assert(entry.spec != nullptr);
      break;
    case Record::exited:
      entry.message = stays_->message(record.task, record.epoch);
      break;
    case Record::finished:
      if (const HomeTask* task = home_->find(record.task)) entry.message = task->message;
      break;
    default:
      break;
  }
  return entry;
}

// No new work; what runs goes on, and nothing that has not been written is told to anybody.
void Driver::journal_fails(const std::string& why) {
  log_.limited(
      Level::error, "journal",
      fmt::format("the journal cannot be written ({}): no new tasks are taken{}; make room "
                  "in {}",
                  why.empty() ? "its disk is full" : why,
                  why.empty() ? "" : ", and ended ones wait to be told",
                  settings_.state_directory));
  journal_timer_.start(kJournalRetry);
  if (journal_failing_) return;
  journal_failing_ = true;
  sample();
}

void Driver::try_again() {
  trying_again_ = true;
  perform(outbox_.release(
      {}, [this](const std::vector<core::Persist>& records) { return commit(records); }));
  trying_again_ = false;
  if (outbox_.holds() || !journal_.restore_reserve().empty())
    return journal_timer_.start(kJournalRetry);
  journal_failing_ = false;
  log_.info("the journal can be written again");
  sample();
}

void Driver::received(const core::Endpoint& from, std::span<const std::uint8_t> bytes) {
  auto decoded = net::decode_datagram(bytes);
  if (const auto* error = std::get_if<net::DecodeError>(&decoded))
    return log_.limited(Level::warning, "datagram of " + core::to_string(from),
                        "datagram of " + core::to_string(from) + " ignored: " + error->reason);
  auto& datagram = std::get<net::Datagram>(decoded);
  stop_point("received", core::message_name(datagram.message.index()));
  post(core::MessageReceived{from, datagram.header, std::move(datagram.message)});
}

void Driver::hello(std::unique_ptr<net::FrameStream>& stream, const net::StreamHello& hello) {
  if (hello.kind == net::StreamHello::Kind::bundle) {
    if (!stays_->accept_bundle(stream, hello)) return;
  } else {
    if (hello.task.home != journal_.id()) return;
    const core::HomeRecord* record = node_->record(hello.task);
    const bool wanted = record != nullptr && record->state != core::TaskState::finished &&
                        hello.epoch >= record->epoch;
    home_->accept(std::move(stream), hello, wanted);
  }
}

void Driver::sample() {
  stays_->look_around();
  core::LoadSampled sampled = sampler_.sample();
  sampled.journal_fails = journal_failing_;
  sampled.migrates = stays_->migrates();
  post(sampled);
}

// --- Actions out

void Driver::perform(const core::Actions& actions) {
  for (const core::Action& action : actions) {
    if (log_.writes(Level::debug))
      log_.line(Level::debug, "action: " + core::describe(action, names()));
    std::visit([this](const auto& one) { perform(one); }, action);
  }
}

void Driver::perform(const core::Send& action) {
  socket_->send(action.endpoint, net::encode(net::Datagram{action.header, action.message}));
  stop_point("sent", core::message_name(action.message.index()));
}

void Driver::perform(const core::Accepted& action) {
  submissions_->accepted(action.task);
}

void Driver::perform(const core::Refused& action) {
  submissions_->refused(action.task, core::to_string(action.veto));
}

void Driver::perform(const core::RecordChanged& action) {
  if (on_record_changed_) on_record_changed_(action.task);
}

void Driver::perform(const core::RestartTask& action) {
  home_->restarted(action.task, action.epoch, node_->name(action.gone));
  stays_->perform(action);
}

void Driver::perform(const core::RecordForgotten& action) {
  home_->forget(action.task);
  if (on_record_changed_) on_record_changed_(action.task);
}

void Driver::perform(const core::Drained&) {
  if (on_drained_) on_drained_();
}

void Driver::perform(const core::Emptied&) {
  if (on_emptied_) on_emptied_();
}

void Driver::perform(const core::Trace& action) {
  const std::string text = core::to_text(action, names());
  // A story is kept as long as its task: what is told of one that has gone on is dropped.
  if (action.task && (home_->find(action.task) != nullptr || stays_->spec(action.task) != nullptr))
    explanations_.add(action.task, time_of_day() + " " + settings_.name + ": " + text);
  const Level level = level_of(action.what);
  if (level < Level::debug && log_.writes(level))
    log_.line(level, action.task ? name_of(action.task) + ": " + text : text);
}

}  // namespace peerd
