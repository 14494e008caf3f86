#include "core/journal.h"

#include <algorithm>
#include <cassert>

namespace core {
namespace {

template <typename Entry>
Entry& at(std::map<TaskId, Entry>& entries, TaskId task) {
  const auto found = entries.find(task);
  assert(found != entries.end());
  return found->second;
}

}  // namespace

void Journal::apply(const Persist& record) {
  using Record = Persist::What;
  const TaskId task = record.task;
  const OwnedTask stay{.epoch = record.epoch,
                       .offerable = record.epoch + kEpochsAhead,
                       .needs = record.needs,
                       .hops = record.hops,
                       .pinned = record.pinned,
                       .started = record.running,
                       .status = {},
                       .arrived = record.at,
                       .since = record.what == Record::submitted ? record.at : record.since,
                       .start = record.at,
                       .ran_before = record.ran};
  switch (record.what) {
    case Record::submitted:
      last_serial = std::max(last_serial, task.serial);
      home[task] = {.owner = record.peer,
                    .epoch = record.epoch,
                    .status = {},
                    .needs = record.needs,
                    .pinned = record.pinned,
                    .submitted = record.at};
      owned[task] = stay;
      owned[task].arrival = arrivals++;
      return;
    case Record::offering:
      at(owned, task).offerable = record.epoch;
      return;
    case Record::started:
      at(owned, task).started = true;
      at(owned, task).start = record.at;
      at(owned, task).ran_before = record.ran;
      return;
    case Record::exited:
      at(owned, task).ended = true;
      at(owned, task).status = record.status;
      return;
    case Record::held:
      at(owned, task).held = record.held;
      return;
    case Record::discarded:
      owned.erase(task);
      return;
    case Record::prepared:
      prepared[task] = {record.epoch, record.peer,    record.needs, record.hops,
                        record.since, record.running, record.ran};
      return;
    case Record::aborted:
      prepared.erase(task);
      return;
    case Record::owned:
      prepared.erase(task);
      decided.erase(task);
      owned[task] = stay;
      owned[task].arrival = arrivals++;
      return;
    case Record::handed_off:
      owned.erase(task);
      decided[task] = {record.epoch, record.peer, record.hops};
      return;
    case Record::settled:
      decided.erase(task);
      return;
    case Record::moved:
      at(home, task).owner = record.peer;
      at(home, task).epoch = record.epoch;
      at(home, task).hops = record.hops;
      at(home, task).state = HomeEntry::State::open;
      return;
    case Record::restarted:
      at(home, task).owner = record.peer;
      at(home, task).epoch = record.epoch;
      at(home, task).state = HomeEntry::State::open;
      owned[task] = stay;
      owned[task].arrival = arrivals++;
      return;
    case Record::cancelling:
      at(home, task).cancelling = true;
      return;
    case Record::finished:
    case Record::lost:
      at(home, task).state =
          record.what == Record::lost ? HomeEntry::State::lost : HomeEntry::State::finished;
      at(home, task).status = record.status;
      at(home, task).ended = record.at;
      return;
    case Record::forgotten:
      home.erase(task);
      return;
  }
  assert(false);
}

bool Journal::holds(TaskId task, Epoch epoch) const {
  if (epoch == 0) {
    const auto entry = home.find(task);
    return entry != home.end() && entry->second.keeps_beginning();
  }
  const auto stay = owned.find(task);
  if (stay != owned.end() && stay->second.epoch == epoch) return true;
  const auto copy = prepared.find(task);
  return copy != prepared.end() && copy->second.epoch == epoch;
}

}  // namespace core
