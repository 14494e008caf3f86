// A hand-made world for policies to look at, and a search conducted in it step by step, as the core
// would. Every step is held against the contract of LocationPolicy.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/policy.h"
#include "core/rng.h"
#include "core/task.h"
#include "tests/catch.h"

namespace policies_test {

constexpr core::PeerId peer(std::uint64_t number) {
  return core::PeerId{number};
}
constexpr core::PeerId kSelf = peer(1'000'000);

struct World {
  core::Time now = 100 * core::kSecond;
  core::Load load = 5000;
  core::Load task_load = 1000;
  core::Role role = core::Role::sender;
  core::Duration max_age = 0;
  core::LimitsConfig limits;
  core::TaskTable tasks;
  std::vector<core::PeerInfo> peers;  // by id
  std::vector<core::PeerInfo> contacts;
  std::vector<core::Wish> wishes;  // the oldest first
  core::Duration run_time = -1;
  core::Duration handoff_time = -1;
  std::int32_t idle_thousandths = -1;
  bool parked = false;
  bool seeking = false;

  World() = default;
  // Peers 1 ... count.
  World(std::uint64_t count, std::uint32_t probe_limit) {
    limits.probe_limit = probe_limit;
    for (std::uint64_t number = 1; number <= count; ++number) add_peer(peer(number));
  }

  core::View view() const {
    return core::View{.now = now,
                      .self = kSelf,
                      .load = load,
                      .task_load = task_load,
                      .role = role,
                      .tasks = tasks,
                      .peers = peers,
                      .contacts = contacts,
                      .wishes = wishes,
                      .limits = limits,
                      .run_time = run_time,
                      .handoff_time = handoff_time,
                      .idle_thousandths = idle_thousandths,
                      .parked = parked,
                      .seeking = seeking,
                      .max_age = max_age};
  }

  bool has(core::PeerId id) const {
    return std::any_of(peers.begin(), peers.end(), [id](const auto& p) { return p.id == id; });
  }

  void add_peer(core::PeerId id) {
    if (has(id)) return;
    peers.push_back({.id = id});
    std::sort(peers.begin(), peers.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  }

  void remove_peer(core::PeerId id) {
    std::erase_if(peers, [id](const auto& p) { return p.id == id; });
  }

  bool has_contact(core::PeerId id) const {
    return std::any_of(contacts.begin(), contacts.end(),
                       [id](const auto& contact) { return contact.id == id; });
  }

  void know(core::PeerId id, core::Load its_load, core::Role its_role, core::Duration age) {
    for (core::PeerInfo& p : peers) {
      if (p.id == id) p = {.id = id, .load = its_load, .role = its_role, .known_at = now - age};
    }
  }

  core::Task& add_task(std::uint64_t serial, std::uint64_t bundle_bytes = 0) {
    core::Task task;
    task.id = {kSelf, serial};
    task.needs.bundle_bytes = bundle_bytes;
    task.arrived = now;
    return tasks.add(task, core::kSecond);
  }
};

inline World world_of(std::uint64_t count, std::uint32_t probe_limit) {
  return World(count, probe_limit);
}

class Round {
 public:
  Round(const World& world, core::LocationPolicy& policy, core::Role role, core::Rng& rng)
      : world_(world), policy_(policy), rng_(rng) {
    search_.id = 1;
    search_.role = role;
    search_.probes_left = world.limits.probe_limit;
  }

  core::Step step() {
    core::Step step = policy_.next(world_.view(), search_, rng_);
    if (const auto* probe = std::get_if<core::ProbePeer>(&step)) {
      REQUIRE(search_.probes_left > 0);
      REQUIRE_FALSE(search_.asked(probe->peer));
      REQUIRE((world_.has(probe->peer) || is_acquaintance(probe->peer)));
      begin(probe->peer);
      --search_.probes_left;
    } else if (const auto* choice = std::get_if<core::ChoosePeer>(&step)) {
      begin(choice->peer);
    }
    return step;
  }

  // What the test expects of the next step.
  core::PeerId probes() {
    const core::Step taken = step();
    REQUIRE(std::holds_alternative<core::ProbePeer>(taken));
    return std::get<core::ProbePeer>(taken).peer;
  }
  core::PeerId chooses() {
    const core::Step taken = step();
    REQUIRE(std::holds_alternative<core::ChoosePeer>(taken));
    return std::get<core::ChoosePeer>(taken).peer;
  }
  bool gives_up() { return std::holds_alternative<core::GiveUp>(step()); }

  // What becomes of the peer that was probed or chosen last.
  void answers(core::Load load, core::Role role, core::Veto veto = core::Veto::none,
               std::uint32_t movable = 0) {
    core::Probed& probed = current();
    probed.state = core::Probed::State::answered;
    probed.load = load;
    probed.role = role;
    probed.veto = veto;
    probed.movable = movable;
    policy_.learned(probed.peer, role);
  }
  void refers_to(core::PeerId referral) { current().referral = referral; }
  void stays_silent() { current().state = core::Probed::State::silent; }
  void refuses() { current().state = core::Probed::State::refused; }

  const core::Search& search() const { return search_; }

 private:
  void begin(core::PeerId id) {
    REQUIRE(policy_.initiates(search_.role));
    REQUIRE(id != kSelf);
    REQUIRE((world_.has(id) || world_.has_contact(id)));
    for (core::Probed& probed : search_.probed) {
      if (probed.peer != id) continue;
      REQUIRE(probed.state == core::Probed::State::answered);
      REQUIRE(probed.veto == core::Veto::none);
      current_ = static_cast<std::size_t>(&probed - search_.probed.data());
      return;
    }
    current_ = search_.probed.size();
    search_.probed.push_back({.peer = id});
  }

  bool is_acquaintance(core::PeerId id) const {
    std::vector<core::PeerId> peers;
    policy_.acquaintances(peers);
    return std::find(peers.begin(), peers.end(), id) != peers.end();
  }

  core::Probed& current() { return search_.probed.at(current_); }

  const World& world_;
  core::LocationPolicy& policy_;
  core::Rng& rng_;
  core::Search search_;
  std::size_t current_ = 0;
};

}  // namespace policies_test
