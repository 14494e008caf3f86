#include "core/wishes.h"

#include <algorithm>
#include <utility>

namespace core {

void Wishes::keep(const Wish& wish, std::size_t most) {
  if (most == 0) return;
  withdraw(wish.peer, wish.search);  // a doubled probe
  if (all_.size() >= most)
    all_.erase(std::min_element(all_.begin(), all_.end(), [](const Wish& a, const Wish& b) {
      return a.kept_at < b.kept_at;
    }));
  const auto later = [](Time since, const Wish& other) { return since < other.since; };
  all_.insert(std::upper_bound(all_.begin(), all_.end(), wish.since, later), wish);
}

bool Wishes::take(PeerId peer, Role role) {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const Wish& wish) {
    return wish.peer == peer && wish.role == role;
  });
  if (found == all_.end()) return false;
  all_.erase(found);
  return true;
}

void Wishes::withdraw(PeerId peer, std::uint32_t search) {
  std::erase_if(all_, [&](const Wish& wish) { return wish.peer == peer && wish.search == search; });
}

void Wishes::forget(PeerId peer) {
  std::erase_if(all_, [peer](const Wish& wish) { return wish.peer == peer; });
}

void Wishes::expire(Time before) {
  std::erase_if(all_, [before](const Wish& wish) { return wish.kept_at < before; });
}

void Wishes::peers(std::vector<PeerId>& peers) const {
  for (const Wish& wish : all_) peers.push_back(wish.peer);
}

bool WishesLeft::add(TaskId task, const Left& left) {
  std::vector<Left>& all = by_task_[task];
  if (all.size() >= kMostPerTask) return false;
  all.push_back(left);
  return true;
}

std::vector<WishesLeft::Left> WishesLeft::end(TaskId task) {
  const auto found = by_task_.find(task);
  if (found == by_task_.end()) return {};
  std::vector<Left> left = std::move(found->second);
  by_task_.erase(found);
  return left;
}

}  // namespace core
