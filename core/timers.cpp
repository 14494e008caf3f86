#include "core/timers.h"

#include <algorithm>
#include <utility>

namespace core {
namespace {

constexpr std::size_t kFewestCells = 16;

}  // namespace

void Timers::set(const TimerKey& key, Time at) {
  const Place known = find(key);
  if (known != kNowhere) {
    heap_[known].at = at;
    return settle(known);
  }
  if (2 * (heap_.size() + 1) > index_.size()) grow_index();
  const auto last = static_cast<Place>(heap_.size());
  index_[cell_of(key)] = last;
  heap_.push_back({at, key});
  settle(last);
}

void Timers::cancel(const TimerKey& key) {
  const Place place = find(key);
  if (place != kNowhere) remove(place);
}

std::optional<TimerKey> Timers::pop(Time now) {
  if (heap_.empty() || heap_.front().at > now) return std::nullopt;
  const TimerKey key = heap_.front().key;
  remove(0);
  return key;
}

Timers::Place Timers::find(const TimerKey& key) const {
  return heap_.empty() ? kNowhere : index_[cell_of(key)];
}

// --- The heap

void Timers::remove(Place place) {
  const auto last = static_cast<Place>(heap_.size() - 1);
  if (place != last) swap(place, last);
  vacate(cell_of(heap_[last].key));
  heap_.pop_back();
  if (place != last) settle(place);
}

void Timers::settle(Place place) {
  while (place > 0 && heap_[place] < heap_[(place - 1) / 2]) {
    swap(place, (place - 1) / 2);
    place = (place - 1) / 2;
  }
  for (;;) {
    Place child = 2 * place + 1;
    if (child >= heap_.size()) return;
    if (child + 1 < heap_.size() && heap_[child + 1] < heap_[child]) ++child;
    if (heap_[place] < heap_[child]) return;
    swap(place, child);
    place = child;
  }
}

void Timers::swap(Place one, Place other) {
  const std::size_t cell_of_one = cell_of(heap_[one].key);
  const std::size_t cell_of_other = cell_of(heap_[other].key);
  std::swap(index_[cell_of_one], index_[cell_of_other]);
  std::swap(heap_[one], heap_[other]);
}

// --- The index

std::size_t Timers::home_of(const TimerKey& key) const {
  std::uint64_t hash = key.a * 0x9e3779b97f4a7c15u + key.b;
  hash = (hash + static_cast<std::uint64_t>(key.kind)) * 0xbf58476d1ce4e5b9u;
  return static_cast<std::size_t>(hash >> 32) & (index_.size() - 1);
}

std::size_t Timers::cell_of(const TimerKey& key) const {
  std::size_t cell = home_of(key);
  while (index_[cell] != kNowhere && heap_[index_[cell]].key != key) cell = after(cell);
  return cell;
}

void Timers::grow_index() {
  const std::size_t cells = std::max(kFewestCells, 2 * index_.size());
  index_.assign(cells, kNowhere);
  for (Place place = 0; place < heap_.size(); ++place) index_[cell_of(heap_[place].key)] = place;
}

// Whatever was displaced by the cell's key moves up, so that no probe sequence is broken.
void Timers::vacate(std::size_t cell) {
  const std::size_t mask = index_.size() - 1;
  for (std::size_t next = after(cell); index_[next] != kNowhere; next = after(next)) {
    const std::size_t home = home_of(heap_[index_[next]].key);
    const bool may_move = ((next - home) & mask) >= ((next - cell) & mask);
    if (!may_move) continue;
    index_[cell] = index_[next];
    cell = next;
  }
  index_[cell] = kNowhere;
}

}  // namespace core
