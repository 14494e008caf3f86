// Probing rounds: the location policy says whom to ask next, this enforces probe limit and time
// limits.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/context.h"
#include "core/policy.h"

namespace core {

// A search has settled on a peer: as a sender, offer the task to it; as a receiver, ask it for one.
struct Chosen {
  std::uint32_t search = 0;
  Role role = Role::sender;
  TaskId task;
  PeerId peer = PeerId::none;
};

class Searches {
 public:
  Searches(Context& context, TaskTable& tasks, Wishes& wishes, WishesLeft& left)
      : context_(context), tasks_(tasks), wishes_(wishes), left_(left) {}

  // `task`: the one that would go, as a sender; it is marked as searching until the end. Call
  // proceed() next.
  std::uint32_t begin(Role role, TaskId task);
  // A free slot is held for a task of that peer, which has left a wish here: chosen right away, and
  // nobody else after it.
  Chosen begin_yielding(PeerId peer);
  bool yields(std::uint32_t search) const;
  std::uint32_t yielding() const { return yielding_; }
  bool active(std::uint32_t search) const { return searches_.contains(search); }
  const Search* find(std::uint32_t search) const;
  std::uint32_t count(Role role) const;
  // Requires that the search is active.
  std::uint32_t probes_sent(std::uint32_t search) const;

  // Asks the policy once: a probe is sent, a peer is chosen, or the search ends.
  std::optional<Chosen> proceed(std::uint32_t search, const View& view, LocationPolicy& policy);

  // True if the search waited for this and can proceed().
  bool on_reply(PeerId from, const ProbeReply& reply);
  bool on_probe_timeout(std::uint32_t search);
  // The chosen peer refused, or did not answer in time.
  bool on_refusal(std::uint32_t search, PeerId peer, Load load, Role role, Veto veto);

  // The time limit bites: the search ends, unless a peer is chosen already.
  void on_deadline(std::uint32_t search);
  // `why`: search_succeeded, search_gave_up or search_moot. Ended searches are ignored.
  void end(std::uint32_t search, What why);
  // The chosen peer, while its answer is awaited; none otherwise.
  PeerId awaited(std::uint32_t search) const;
  // Appends all that were asked in active searches, and whom those named.
  void partners(std::vector<PeerId>& peers) const;

 private:
  struct Active {
    Search search;
    std::uint32_t probe_limit = 0;  // as it was when the search began
    bool chosen = false;            // the last entry of probed was chosen, not probed
    bool yields = false;
    Time deadline = 0;
  };

  void note_wish(const Search& search, PeerId peer);
  Chosen choose(Active& active, PeerId peer);
  void trace_referral(const Search& search, PeerId peer);
  void probe(Active& active, const ProbePeer& ask);
  Probed* pending(Active& active);

  Context& context_;
  TaskTable& tasks_;
  Wishes& wishes_;
  WishesLeft& left_;
  std::map<std::uint32_t, Active> searches_;
  std::uint32_t next_id_ = 1;
  std::uint32_t yielding_ = 0;
  std::uint32_t counts_[2] = {};  // as sender, as receiver
};

}  // namespace core
