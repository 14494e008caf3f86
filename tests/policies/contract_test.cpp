// What every policy promises, held against every combination in the registry and many random
// worlds. Round checks each step: see world.h.
#include <functional>
#include <string>
#include <vector>

#include "policies/registry.h"
#include "tests/catch.h"
#include "tests/policies/world.h"

namespace {

using core::Load;
using core::PeerId;
using core::Role;
using core::Veto;
using policies_test::kSelf;
using policies_test::peer;
using policies_test::Round;
using policies_test::World;

void for_every_combination(const std::function<void(const core::PolicyConfig&)>& body) {
  for (const std::string& transfer : policies::transfer_names()) {
    for (const std::string& selection : policies::selection_names()) {
      for (const std::string& location : policies::location_names()) {
        for (const std::string& information : policies::information_names()) {
          core::PolicyConfig config;
          config.transfer = transfer;
          config.selection = selection;
          config.location = location;
          config.information = information;
          INFO(transfer + ", " + selection + ", " + location + ", " + information);
          body(config);
        }
      }
    }
  }
}

std::uint64_t below(core::Rng& chance, std::uint64_t bound) {
  return chance.below(bound);
}
Load any_load(core::Rng& chance) {
  return static_cast<Load>(below(chance, 7) * 500);
}
Role any_role(core::Rng& chance) {
  return static_cast<Role>(below(chance, 3));
}
Veto any_veto(core::Rng& chance) {
  const std::uint64_t drawn = below(chance, 3 * core::kVetoes);
  return drawn < core::kVetoes ? static_cast<Veto>(drawn) : Veto::none;
}

core::Task any_task(core::Rng& chance, const World& world, std::uint64_t serial) {
  core::Task task;
  task.id = {below(chance, 2) == 0 ? kSelf : peer(3), serial};
  task.needs.bundle_bytes = below(chance, 4) * 1000;
  task.arrived = world.now - static_cast<core::Duration>(below(chance, 4)) * core::kSecond;
  task.hops = static_cast<std::uint32_t>(below(chance, 5));
  task.pinned = below(chance, 4) == 0;
  task.searching = below(chance, 4) == 0;
  task.phase = static_cast<core::Task::Phase>(below(chance, 4));
  return task;
}

void fill(World& world, core::Rng& chance, const core::PolicySet& set) {
  world.load = any_load(chance);
  world.task_load = static_cast<Load>(250 * (1 + below(chance, 4)));
  world.max_age = set.information->max_age();
  world.limits.probe_limit = static_cast<std::uint32_t>(below(chance, 7));
  world.limits.min_residence = static_cast<core::Duration>(below(chance, 3)) * core::kSecond;
  const std::uint64_t peers = below(chance, 12);
  for (std::uint64_t i = 0; i < peers; ++i) {
    const std::uint64_t number = 1 + below(chance, 20);
    world.add_peer(peer(number));
    if (below(chance, 2) == 0) continue;
    const Load load = any_load(chance);
    const Role role = any_role(chance);
    world.know(peer(number), load, role, static_cast<core::Duration>(below(chance, 3000)) * 1000);
  }
  for (const std::uint64_t number : {30u, 31u}) {
    if (below(chance, 2) == 0) world.contacts.push_back({.id = peer(number)});
    const Role as = below(chance, 2) == 0 ? Role::sender : Role::receiver;
    if (below(chance, 2) == 0) world.wishes.push_back({peer(number), 1, as, 0, 0});
  }
  const std::uint64_t tasks = below(chance, 8);
  for (std::uint64_t serial = 1; serial <= tasks; ++serial) {
    world.tasks.add(any_task(chance, world, serial), core::kSecond);
  }
  world.role = set.transfer->classify(world.view());
}

// Something happens between two steps: peers come and go, others are heard.
void disturb(World& world, core::Rng& chance, core::LocationPolicy& policy) {
  const PeerId someone = peer(1 + below(chance, 20));
  switch (below(chance, 6)) {
    case 0:
      world.add_peer(someone);
      break;
    case 1:
      world.remove_peer(someone);
      break;
    case 2:
      policy.learned(someone, any_role(chance));
      break;
    default:
      break;
  }
}

std::string to_text(const core::Step& step) {
  if (const auto* probe = std::get_if<core::ProbePeer>(&step)) {
    return "probe " + std::to_string(value(probe->peer));
  }
  if (const auto* choice = std::get_if<core::ChoosePeer>(&step)) {
    return "choose " + std::to_string(value(choice->peer));
  }
  return "give up";
}

// The steps of one search with random answers, up to its end.
std::vector<std::string> run_search(World& world, core::Rng& chance, core::LocationPolicy& policy,
                                    Role role, core::Rng& rng) {
  constexpr std::size_t kMostSteps = 64;  // each probe or choice costs a peer, of which 20 exist
  std::vector<std::string> steps;
  Round round(world, policy, role, rng);
  for (;;) {
    const core::Step step = round.step();
    steps.push_back(to_text(step));
    REQUIRE(steps.size() < kMostSteps);
    if (std::holds_alternative<core::GiveUp>(step)) return steps;
    const bool chosen = std::holds_alternative<core::ChoosePeer>(step);
    if (chosen) {
      if (below(chance, 2) == 0) return steps;
      round.refuses();
    } else if (below(chance, 4) == 0) {
      round.stays_silent();
    } else {
      const Load load = any_load(chance);
      const Role shown = any_role(chance);
      const Veto veto = any_veto(chance);
      const auto movable = static_cast<std::uint32_t>(below(chance, 3));
      round.answers(load, shown, veto, movable);
    }
    disturb(world, chance, policy);
  }
}

// Several searches in both roles with one set of policies, so that it has something to remember.
std::vector<std::string> run(const core::PolicyConfig& config, std::uint64_t world_seed,
                             std::uint64_t policy_seed) {
  std::vector<std::string> steps;
  const core::PolicySet set = policies::make_policies(config);
  core::Rng chance(world_seed);
  core::Rng rng(policy_seed);
  for (int search = 0; search < 6; ++search) {
    World world;
    fill(world, chance, set);
    const Role role = below(chance, 2) == 0 ? Role::sender : Role::receiver;
    const auto more = run_search(world, chance, *set.location, role, rng);
    if (!set.location->initiates(role)) REQUIRE(more == std::vector<std::string>{"give up"});
    steps.insert(steps.end(), more.begin(), more.end());
  }
  return steps;
}

TEST_CASE("contract: never self, a dead peer or the same one twice; every search ends") {
  for_every_combination([](const core::PolicyConfig& config) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) run(config, seed, seed);
  });
}

TEST_CASE("contract: the same seed gives the same answers, another seed others") {
  for_every_combination([](const core::PolicyConfig& config) {
    bool differs = false;
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      const auto steps = run(config, seed, 1);
      REQUIRE(steps == run(config, seed, 1));
      differs = differs || steps != run(config, seed, 2);
    }
    REQUIRE(differs);
  });
}

TEST_CASE("contract: a policy that initiates a role begins, one that does not gives up at once") {
  for_every_combination([](const core::PolicyConfig& config) {
    for (const Role role : {Role::sender, Role::receiver}) {
      const core::PolicySet set = policies::make_policies(config);
      World world = policies_test::world_of(5, 3);
      // Late binding comes back to those who asked before.
      world.wishes = {{peer(1), 1, Role::sender, 0, 0}, {peer(2), 1, Role::receiver, 0, 0}};
      core::Rng rng(1);
      Round round(world, *set.location, role, rng);
      REQUIRE(round.gives_up() != set.location->initiates(role));
    }
    const core::PolicySet set = policies::make_policies(config);
    REQUIRE((set.location->initiates(Role::sender) || set.location->initiates(Role::receiver)));
    REQUIRE_FALSE(set.location->initiates(Role::ok));
  });
}

TEST_CASE("contract: with no probes left a search chooses or gives up") {
  for_every_combination([](const core::PolicyConfig& config) {
    const core::PolicySet set = policies::make_policies(config);
    World world = policies_test::world_of(5, 0);
    core::Rng rng(1);
    for (const Role role : {Role::sender, Role::receiver}) {
      const core::Step step = Round(world, *set.location, role, rng).step();
      REQUIRE_FALSE(std::holds_alternative<core::ProbePeer>(step));
    }
  });
}

TEST_CASE("contract: a selected task may move, and one is selected if any may") {
  for_every_combination([](const core::PolicyConfig& config) {
    const core::PolicySet set = policies::make_policies(config);
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      World world;
      core::Rng chance(seed);
      fill(world, chance, set);
      const core::View view = world.view();
      bool any = false;
      for (const auto& [arrival, task] : world.tasks.all()) any = any || view.movable(task);
      const auto selected = set.selection->select(view, peer(1));
      REQUIRE(selected.has_value() == any);
      if (selected) REQUIRE(view.movable(*world.tasks.find(*selected)));
      REQUIRE(set.selection->select(view, peer(1)) == selected);
    }
  });
}

TEST_CASE("contract: a role is what the load says against its reference") {
  for_every_combination([](const core::PolicyConfig& config) {
    const core::PolicySet set = policies::make_policies(config);
    World world;
    for (Load load = 0; load <= 4000; load += 125) {
      world.load = load;
      const Role role = set.transfer->classify(world.view());
      REQUIRE((role == Role::sender) ==
              (load > set.transfer->reference(world.view(), Role::sender)));
      REQUIRE((role == Role::receiver) ==
              (load < set.transfer->reference(world.view(), Role::receiver)));
    }
  });
}

TEST_CASE("contract: what is told unasked is told to somebody, and used") {
  for_every_combination([](const core::PolicyConfig& config) {
    const core::PolicySet set = policies::make_policies(config);
    const bool reports = set.information->report_interval() > 0;
    REQUIRE(reports == (set.information->report_fanout() > 0));
    REQUIRE((reports || set.information->piggybacks()) == (set.information->max_age() > 0));
  });
}

}  // namespace
