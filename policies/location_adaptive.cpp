// Shivaratri, Krueger and Singhal's stable symmetrically initiated algorithm. Each peer keeps the
// others on a senders, a receivers and an OK list by the role that they last showed, newest first;
// whom it has not heard of yet it takes for receivers.
//
// A sender polls receivers alone, from the head of their list. When load is high everywhere that
// list runs empty, and sender-side probing ends by itself. A receiver polls where the newest news
// of a sender is, then where the oldest news of something else is: senders from the head, OK from
// the tail, receivers from the tail.
#include <algorithm>
#include <optional>

#include "policies/draw.h"
#include "policies/factories.h"
#include "policies/first_fit.h"
#include "policies/role_lists.h"

namespace policies {
namespace {

class Adaptive final : public core::LocationPolicy {
 public:
  core::Step next(const core::View& view, const core::Search& search, core::Rng& rng) override {
    if (!initiates(search.role)) return core::GiveUp{};
    if (const auto peer = first_willing(view, search)) return core::ChoosePeer{*peer};
    if (!search.probed.empty()) take_note(search.role, search.probed.back());
    lists_.keep_only(view.peers, view.contacts);
    if (search.probes_left == 0) return core::GiveUp{};
    const auto peer = search.role == core::Role::sender ? next_receiver(view, search, rng)
                                                        : next_sender(view, search, rng);
    if (peer) return core::ProbePeer{*peer};
    return core::GiveUp{};
  }

  bool initiates(core::Role role) const override { return role != core::Role::ok; }

  bool admits(const core::View& view, core::Load /*source_load*/) const override {
    return view.role == core::Role::receiver;
  }

  void learned(core::PeerId peer, core::Role role) override { lists_.put(peer, role); }

  bool has_acquaintances() const override { return true; }

  void acquaintances(std::vector<core::PeerId>& peers) const override {
    lists_.newest(kAcquaintances, peers);
  }

 private:
  // The last peer asked will not do. One that shows the wanted role all the same (a veto, a
  // refusal, nothing to give) or shows nothing (silence) would be the next search's first again:
  // the head of the OK list is where neither side asks soon. It returns by what it shows next.
  void take_note(core::Role role, const core::Probed& last) {
    const bool is_silent = last.state == core::Probed::State::silent;
    if (is_silent || lists_.shows(last.peer, wanted(role))) lists_.put(last.peer, core::Role::ok);
  }

  std::optional<core::PeerId> next_receiver(const core::View& view, const core::Search& search,
                                            core::Rng& rng) const {
    if (const auto peer = from_head(core::Role::receiver, search)) return peer;
    return unheard_of(view, search, rng);
  }

  std::optional<core::PeerId> next_sender(const core::View& view, const core::Search& search,
                                          core::Rng& rng) const {
    if (const auto peer = from_head(core::Role::sender, search)) return peer;
    if (const auto peer = from_tail(core::Role::ok, search)) return peer;
    if (const auto peer = unheard_of(view, search, rng)) return peer;
    return from_tail(core::Role::receiver, search);
  }

  std::optional<core::PeerId> from_head(core::Role role, const core::Search& search) const {
    const RoleLists::List& list = lists_.list(role);
    return first_not_asked(list.begin(), list.end(), search);
  }

  std::optional<core::PeerId> from_tail(core::Role role, const core::Search& search) const {
    const RoleLists::List& list = lists_.list(role);
    return first_not_asked(list.rbegin(), list.rend(), search);
  }

  template <typename Iterator>
  static std::optional<core::PeerId> first_not_asked(Iterator begin, Iterator end,
                                                     const core::Search& search) {
    const auto found =
        std::find_if(begin, end, [&](const auto& entry) { return !search.asked(entry.second); });
    if (found == end) return std::nullopt;
    return found->second;
  }

  // At the receivers list's tail, in no order: a random one, lest all peers ask the same one.
  std::optional<core::PeerId> unheard_of(const core::View& view, const core::Search& search,
                                         core::Rng& rng) const {
    // As many as there are in a full table: these.
    if (view.contacts.empty() && lists_.size() == view.peers.size()) return std::nullopt;
    return draw(view, search, rng, [&](core::PeerId peer) {
      return !lists_.knows(peer) && might_have_role(view, peer, wanted(search.role));
    });
  }

  // Where the view is bounded: whoever asks is news, and as a rule not in this peer's view. The
  // newest are asked first; sixteen would do.
  static constexpr std::size_t kAcquaintances = 32;

  RoleLists lists_;
};

}  // namespace

std::unique_ptr<core::LocationPolicy> adaptive_location(const core::PolicyConfig& /*config*/) {
  return std::make_unique<Adaptive>();
}

}  // namespace policies
