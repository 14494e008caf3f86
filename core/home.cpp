#include "core/home.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "core/journal.h"

namespace core {

using Kind = TimerKey::Kind;

void HomeRecords::add(TaskId task, const Needs& needs, bool pinned) {
  HomeRecord record;
  record.task = task;
  record.owner = context_.self.id;
  record.epoch = 1;
  record.submitted = context_.now;
  record.needs = needs;
  record.pinned = pinned;
  const bool added = records_.emplace(task.serial, record).second;
  assert(added);
  open_.insert(task.serial);
}

void HomeRecords::recover(TaskId task, const HomeEntry& entry) {
  HomeRecord record;
  record.task = task;
  record.owner = entry.owner;
  record.epoch = entry.epoch;
  record.moves = entry.hops;
  record.status = entry.status;
  record.submitted = std::min(entry.submitted, context_.now);
  record.ended = std::min(entry.ended, context_.now);
  record.cancelling = entry.cancelling;
  record.needs = entry.needs;
  record.pinned = entry.pinned;
  // What was granted before the restart, and when, is not known any more.
  if (entry.owner != context_.self.id) record.leased_until = context_.now + entry.needs.lease;
  const bool open = entry.state == HomeEntry::State::open;
  if (entry.state == HomeEntry::State::finished) record.state = TaskState::finished;
  if (entry.state == HomeEntry::State::lost) record.state = TaskState::lost;
  if (open && entry.owner != context_.self.id) record.state = TaskState::in_doubt;
  HomeRecord& stored = records_.emplace(task.serial, record).first->second;
  if (!open) {
    ended_.emplace(stored.ended, task.serial);
    return;
  }
  open_.insert(task.serial);
  if (stored.state != TaskState::in_doubt) return;
  // Gone, unless it says something before the lease that it may have has run out.
  if (can_begin_anew(stored)) await_lease_end(stored);
  ask(stored, 0);
}

const HomeRecord* HomeRecords::find(TaskId task) const {
  if (task.home != context_.self.id) return nullptr;
  const auto found = records_.find(task.serial);
  return found == records_.end() ? nullptr : &found->second;
}

HomeRecord* HomeRecords::lookup(TaskId task) {
  return const_cast<HomeRecord*>(find(task));
}

std::vector<const HomeRecord*> HomeRecords::all() const {
  std::vector<const HomeRecord*> all;
  all.reserve(records_.size());
  for (const auto& [serial, record] : records_) all.push_back(&record);
  return all;
}

bool HomeRecords::has_lost() const {
  return std::any_of(records_.begin(), records_.end(),
                     [](const auto& entry) { return entry.second.state == TaskState::lost; });
}

bool HomeRecords::report(const TaskReport& report, PeerId reporter) {
  HomeRecord* record = lookup(report.task);
  if (record == nullptr) return true;
  if (record->state == TaskState::finished && !context_.sabotaged(Sabotage::record_twice))
    return true;
  if (report.epoch < record->epoch && !context_.sabotaged(Sabotage::believe_old_news)) return true;
  const bool moved = report.epoch != record->epoch;
  if (!moved && report.owner != record->owner) return true;
  if (report.state == TaskState::unknown) {
    if (moved) return true;
    if (record->open())
      lose(*record);
    else
      stop_asking(report.task);
    return true;
  }
  const bool goes_back = report.state < record->state && record->state != TaskState::in_doubt;
  if (!moved && record->open() && goes_back) return true;
  if ((!record->open() || record->orphan) && !is_heard(report.owner)) return false;
  owner_speaks(*record);
  const bool found_again = record->state == TaskState::lost;
  // A cancellation goes on being repeated: the owner has spoken, but may not have heard of it.
  if (reporter != report.owner)
    ask_later(report.task);
  else if (record->cancelling)
    asking_.erase(report.task.serial);
  else
    stop_asking(report.task);
  record->epoch = report.epoch;
  record->owner = report.owner;
  record->moves = std::max(record->moves, report.hops);
  record->probes = std::max(record->probes, report.probes);
  if (found_again && report.state != TaskState::finished) {
    open_.insert(report.task.serial);
    ended_.erase({record->ended, report.task.serial});
    context_.trace(What::task_found_again, report.task, report.owner);
  }
  if (moved || found_again)
    context_.persist({.what = Persist::What::moved,
                      .task = report.task,
                      .epoch = report.epoch,
                      .peer = report.owner,
                      .hops = record->moves});
  if (moved) context_.trace(What::task_moved, report.task, report.owner, report.epoch);
  if (report.state == TaskState::finished) {
    const bool is_lost = report.status.kind == ExitStatus::Kind::lost;
    if (is_lost && can_begin_anew(*record)) {
      // Its owner itself says that the process is gone.
      record->leased_until = context_.now;
      await_lease_end(*record);
    } else {
      // A restarted owner may not know that it was asked to end it.
      const bool cancelled = record->cancelling && report.status.kind == ExitStatus::Kind::signaled;
      const ExitStatus status{ExitStatus::Kind::cancelled, report.status.value};
      end(*record, TaskState::finished, cancelled ? status : report.status);
    }
    return true;
  }
  record->state = report.state;
  context_.act(RecordChanged{report.task});
  // An owner that has been asked already is asked again by the timer alone: each question brings a
  // report, and must not bring another question.
  const bool new_to_it = moved || found_again;
  if (record->cancelling && new_to_it && record->owner != context_.self.id) ask(*record, 0);
  return true;
}

bool HomeRecords::is_heard(PeerId owner) const {
  if (owner == context_.self.id) return true;
  const Member* member = context_.peers.find(owner);
  return member != nullptr && is_live(member->state);
}

bool HomeRecords::cancel(TaskId task) {
  HomeRecord* record = lookup(task);
  if (record == nullptr || !record->open() || record->cancelling) return false;
  record->cancelling = true;
  context_.persist({.what = Persist::What::cancelling, .task = task, .epoch = record->epoch});
  context_.trace(What::cancel_requested, task);
  if (record->owner != context_.self.id) ask(*record, 0);
  return true;
}

void HomeRecords::owners(std::vector<PeerId>& into) const {
  for (const std::uint64_t serial : open_) into.push_back(records_.at(serial).owner);
}

void HomeRecords::owner_gone(PeerId owner) {
  const std::set<std::uint64_t> open = open_;
  for (const std::uint64_t serial : open) {
    HomeRecord& record = records_.at(serial);
    if (record.owner == owner) lose(record);
  }
}

void HomeRecords::enquire(PeerId owner) {
  for (auto& [serial, record] : records_)
    if (record.owner == owner && record.state != TaskState::finished) ask(record, 0);
}

void HomeRecords::ask_next(const std::function<bool(TaskId)>& is_here) {
  for (std::size_t left = open_.size(); left > 0; --left) {
    const auto next = open_.upper_bound(asked_last_);
    asked_last_ = next == open_.end() ? *open_.begin() : *next;
    HomeRecord& record = records_.at(asked_last_);
    if (record.owner != context_.self.id)
      return context_.send(record.owner, TaskQuery{record.task, record.epoch});
    if (!is_here(record.task)) lose(record);
  }
}

void HomeRecords::on_enquiry_timer(TaskId task) {
  HomeRecord* record = lookup(task);
  const auto asked = asking_.find(task.serial);
  if (record == nullptr || record->state == TaskState::finished) return;
  if (asked == asking_.end() && !record->cancelling) return;
  if (record->owner == context_.self.id) return;
  ask(*record, asked == asking_.end() ? 1 : asked->second + 1);
}

void HomeRecords::ask(HomeRecord& record, std::uint32_t tries) {
  asking_[record.task.serial] = tries;
  context_.send(record.owner, TaskQuery{record.task, record.epoch});
  if (record.cancelling) context_.send(record.owner, Cancel{record.task});
  const Duration pause = backoff(context_.config->limits.resend_interval, tries);
  context_.timers.set(TimerKey::of(Kind::enquiry, record.task), context_.now + pause);
}

// A destination that restarts between its Prepared and the Commit has lost the task, and says
// nothing.
void HomeRecords::ask_later(TaskId task) {
  asking_[task.serial] = 0;
  context_.timers.set(TimerKey::of(Kind::enquiry, task),
                      context_.now + backoff(context_.config->limits.resend_interval, 2));
}

void HomeRecords::stop_asking(TaskId task) {
  asking_.erase(task.serial);
  context_.timers.cancel(TimerKey::of(Kind::enquiry, task));
}

void HomeRecords::lose(HomeRecord& record) {
  if (can_begin_anew(record)) return await_lease_end(record);
  context_.trace(What::task_lost, record.task, record.owner, record.epoch);
  end(record, TaskState::lost, {ExitStatus::Kind::lost, 0});
}

void HomeRecords::end(HomeRecord& record, TaskState state, ExitStatus status) {
  const std::uint64_t serial = record.task.serial;
  ended_.erase({record.ended, serial});  // one that was lost and now ends otherwise
  owner_speaks(record);
  record.state = state;
  record.status = status;
  record.ended = context_.now;
  stop_asking(record.task);
  const bool finished = state == TaskState::finished;
  context_.persist({.what = finished ? Persist::What::finished : Persist::What::lost,
                    .task = record.task,
                    .epoch = record.epoch,
                    .peer = record.owner,
                    .status = status});
  if (finished)
    context_.trace(What::task_finished, record.task, record.owner,
                   static_cast<std::int64_t>(status.kind), status.value);
  open_.erase(serial);
  ended_.emplace(record.ended, serial);
  if (record.needs.lease > 0) context_.act(DiscardTask{record.task, 0});
  context_.act(RecordChanged{record.task});
  retire();
}

// --- Tasks that are begun anew when their owner is gone

bool HomeRecords::can_begin_anew(const HomeRecord& record) const {
  return record.open() && record.needs.lease > 0 && restarts_of(record.epoch) < kMaxRestarts;
}

std::optional<bool> HomeRecords::lease(const LeaseAsk& ask, PeerId from) {
  HomeRecord* record = lookup(ask.task);
  if (record == nullptr || !record->open() || ask.epoch < record->epoch) return false;
  const bool is_news = ask.epoch > record->epoch;
  if (is_news && restarts_of(ask.epoch) == restarts_of(record->epoch))
    report({.task = ask.task, .epoch = ask.epoch, .owner = from, .hops = ask.hops}, from);
  if (!record->open() || ask.epoch != record->epoch || from != record->owner) return std::nullopt;
  // A full table has no room for it; whoever is known to be gone is to be heard of first.
  const bool is_unknown = context_.peers.find(from) == nullptr;
  if (!is_heard(from) && (record->orphan || !is_unknown)) return std::nullopt;
  owner_speaks(*record);
  record->leased_until = context_.now + record->needs.lease;
  return true;
}

// Until then its owner may be running it, unheard.
void HomeRecords::await_lease_end(HomeRecord& record) {
  if (record.orphan) return;
  record.orphan = true;
  record.state = TaskState::in_doubt;
  stop_asking(record.task);
  context_.act(RecordChanged{record.task});
  if (record.leased_until <= context_.now || context_.sabotaged(Sabotage::take_over_early)) {
    vacant_.insert(record.task.serial);
    return;
  }
  context_.trace(What::lease_awaited, record.task, record.owner,
                 record.leased_until - context_.now);
  context_.timers.set(TimerKey::of(Kind::lease, record.task), record.leased_until);
}

void HomeRecords::owner_speaks(HomeRecord& record) {
  if (!std::exchange(record.orphan, false)) return;
  vacant_.erase(record.task.serial);
  context_.timers.cancel(TimerKey::of(Kind::lease, record.task));
}

void HomeRecords::on_lease_timer(TaskId task) {
  const HomeRecord* record = find(task);
  if (record != nullptr && record->open() && record->orphan) vacant_.insert(task.serial);
}

std::vector<TaskId> HomeRecords::vacant() const {
  std::vector<TaskId> tasks;
  for (const std::uint64_t serial : vacant_) tasks.push_back({context_.self.id, serial});
  return tasks;
}

const HomeRecord& HomeRecords::begin_anew(TaskId task) {
  HomeRecord& record = *lookup(task);
  assert(record.orphan && can_begin_anew(record));
  owner_speaks(record);
  stop_asking(task);
  record.epoch = first_epoch_after(restarts_of(record.epoch) + 1);
  context_.trace(What::task_restarted, task, record.owner, record.epoch);
  const PeerId gone = std::exchange(record.owner, context_.self.id);
  record.state = TaskState::waiting;
  context_.persist({.what = Persist::What::restarted,
                    .task = task,
                    .epoch = record.epoch,
                    .peer = record.owner,
                    .since = record.submitted,
                    .needs = record.needs,
                    .pinned = record.pinned});
  context_.act(RestartTask{task, record.epoch, gone});
  context_.act(RecordChanged{task});
  return record;
}

void HomeRecords::retire() {
  const LimitsConfig& limits = context_.config->limits;
  const Time too_old = context_.now - limits.retention;
  while (!ended_.empty() &&
         (ended_.size() > limits.finished_tasks || ended_.begin()->first <= too_old)) {
    const TaskId oldest{context_.self.id, ended_.begin()->second};
    ended_.erase(ended_.begin());
    records_.erase(oldest.serial);
    context_.persist({.what = Persist::What::forgotten, .task = oldest});
    context_.act(RecordForgotten{oldest});
  }
  if (!ended_.empty() && !context_.timers.armed({Kind::retention}))
    context_.timers.set({Kind::retention}, ended_.begin()->first + limits.retention);
}

}  // namespace core
