// What probes leave behind. A peer that cannot help now remembers who asked, and as what: a sender
// has a task for whoever is free first (late binding), a receiver takes the next task too many (a
// parked request). Hints alone: the handoff that follows is the ordinary one, so a wish that is
// lost, doubled or out of date costs a message and nothing else.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "core/types.h"

namespace core {

struct Wish {
  PeerId peer = PeerId::none;
  std::uint32_t search = 0;  // the peer's
  Role role = Role::sender;  // the peer's, as which it asked
  Time since = 0;            // when its task began to wait, or the receiver asked
  Time kept_at = 0;
};

// Of others, kept here until they are used or withdrawn, or expire.
class Wishes {
 public:
  // The one kept longest goes if there are `most`.
  void keep(const Wish& wish, std::size_t most);
  // The oldest one of that peer in that role. False if there is none.
  bool take(PeerId peer, Role role);
  void withdraw(PeerId peer, std::uint32_t search);
  void forget(PeerId peer);
  void expire(Time before);

  void peers(std::vector<PeerId>& peers) const;  // appends whose they are

  const std::vector<Wish>& all() const { return all_; }  // by `since`

 private:
  std::vector<Wish> all_;
};

// Own ones, kept by others: for a waiting task as a sender, for none as a receiver.
class WishesLeft {
 public:
  static constexpr std::size_t kMostPerTask = 64;

  struct Left {
    PeerId peer = PeerId::none;
    std::uint32_t search = 0;
    Endpoint endpoint{};  // the peer's: it may leave a bounded view meanwhile
    bool operator==(const Left&) const = default;
  };

  // False if there are too many.
  bool add(TaskId task, const Left& left);
  // Those of the task, which are now over: who is to be told, and of which search.
  std::vector<Left> end(TaskId task);
  bool has(TaskId task) const { return by_task_.contains(task); }

 private:
  std::map<TaskId, std::vector<Left>> by_task_;
};

}  // namespace core
