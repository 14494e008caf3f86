// Transfer, selection and information policies: one test per sentence of each rule.
#include "policies/factories.h"
#include "tests/catch.h"
#include "tests/policies/world.h"

namespace {

using core::Role;
using policies_test::kSelf;
using policies_test::peer;
using policies_test::World;

Role role_at(const core::TransferPolicy& policy, core::Load load) {
  World world;
  world.load = load;
  return policy.classify(world.view());
}

// A task that fits only beyond T would make it a sender, which sends it away again.
TEST_CASE("threshold: a sender above T, a receiver where one more stays within T") {
  core::PolicyConfig config;
  config.threshold = 2000;
  const auto policy = policies::threshold_transfer(config);
  CHECK(role_at(*policy, 0) == Role::receiver);
  CHECK(role_at(*policy, 1000) == Role::receiver);
  CHECK(role_at(*policy, 1001) == Role::ok);
  CHECK(role_at(*policy, 2000) == Role::ok);
  CHECK(role_at(*policy, 2001) == Role::sender);
  CHECK(role_at(*policy, core::kMaxLoad) == Role::sender);
  CHECK(policy->reference(World().view(), Role::sender) == 2000);
  CHECK(policy->reference(World().view(), Role::receiver) == 2000);

  config.threshold = 1500;
  const auto uneven = policies::threshold_transfer(config);
  CHECK(role_at(*uneven, 999) == Role::receiver);  // less than one task: as good as idle
  CHECK(role_at(*uneven, 1000) == Role::ok);
  CHECK(role_at(*uneven, 2000) == Role::sender);
}

TEST_CASE("dual_threshold: a sender above high, a receiver below low, ok from low to high") {
  core::PolicyConfig config;
  config.low = 1000;
  config.high = 1500;
  const auto policy = policies::dual_threshold_transfer(config);
  CHECK(role_at(*policy, 0) == Role::receiver);
  CHECK(role_at(*policy, 999) == Role::receiver);
  CHECK(role_at(*policy, 1000) == Role::ok);
  CHECK(role_at(*policy, 1500) == Role::ok);
  CHECK(role_at(*policy, 1501) == Role::sender);
  CHECK(policy->reference(World().view(), Role::sender) == 1500);
  CHECK(policy->reference(World().view(), Role::receiver) == 1000);
}

TEST_CASE("lookahead: a threshold, until moves take long against the idle time there is") {
  core::PolicyConfig config;
  config.threshold = 1000;
  const auto policy = policies::lookahead_transfer(config);
  World world;
  const auto limit = [&](core::Duration handoff, core::Duration run, std::int32_t idle) {
    world.handoff_time = handoff;
    world.run_time = run;
    world.idle_thousandths = idle;
    const core::Load reference = policy->reference(world.view(), Role::sender);
    world.load = reference + 1;
    CHECK(policy->classify(world.view()) == Role::sender);
    world.load = reference;
    CHECK(policy->classify(world.view()) == Role::ok);
    world.load = reference - 1000;
    CHECK(policy->classify(world.view()) == Role::receiver);
    return reference;
  };
  CHECK(limit(-1, 1000, 200) == 1000);  // no move yet
  CHECK(limit(150, -1, 200) == 1000);   // no task yet
  CHECK(limit(150, 1000, -1) == 1000);  // too early to say
  CHECK(limit(0, 1000, 10) == 1000);
  CHECK(limit(30, 1000, 50) == 1000);
  CHECK(limit(150, 1000, 200) == 1000);
  CHECK(limit(150, 1000, 50) == 2000);
  CHECK(limit(299, 1000, 200) == 1000);
  CHECK(limit(300, 1000, 200) == 2000);
  CHECK(limit(1200, 1000, 200) == 3000);
  CHECK(limit(4800, 1000, 200) == 4000);
  CHECK(limit(19200, 1000, 200) == 4000);  // so far and no further
  CHECK(limit(400, 1000, 0) == limit(400, 1000, 10));
}

TEST_CASE("never: always ok") {
  const auto policy = policies::never_transfer({});
  CHECK(role_at(*policy, 0) == Role::ok);
  CHECK(role_at(*policy, core::kMaxLoad) == Role::ok);
  CHECK(policy->reference(World().view(), Role::sender) == core::kMaxLoad);
  CHECK(policy->reference(World().view(), Role::receiver) == 0);
}

std::uint64_t selected(const core::SelectionPolicy& policy, const World& world) {
  const auto task = policy.select(world.view(), peer(1));
  return task ? task->serial : 0;
}

// Serial 0 stands for none.
TEST_CASE("newest_waiting: the task that arrived last and may move") {
  const auto policy = policies::newest_waiting_selection({});
  World world;
  CHECK(selected(*policy, world) == 0);
  world.add_task(3);
  world.add_task(1);
  CHECK(selected(*policy, world) == 1);
  world.add_task(2).pinned = true;
  CHECK(selected(*policy, world) == 1);
  world.tasks.find({kSelf, 1})->searching = true;
  CHECK(selected(*policy, world) == 1);  // whoever asks for it may have it
  world.seeking = true;
  CHECK(selected(*policy, world) == 3);  // but no second search looks for its place
  world.tasks.find({kSelf, 1})->searching = false;
  world.tasks.find({kSelf, 1})->wished_until = world.now + 1;
  CHECK(selected(*policy, world) == 3);
  world.seeking = false;
  world.tasks.set_phase(*world.tasks.find({kSelf, 1}), core::Task::Phase::running);
  world.tasks.set_phase(*world.tasks.find({kSelf, 3}), core::Task::Phase::running);
  CHECK(selected(*policy, world) == 0);
}

TEST_CASE("oldest_waiting: the task that arrived first and may move") {
  const auto policy = policies::oldest_waiting_selection({});
  World world;
  CHECK(selected(*policy, world) == 0);
  world.add_task(3);
  world.add_task(1);
  world.add_task(2);
  CHECK(selected(*policy, world) == 3);
  world.tasks.set_phase(*world.tasks.find({kSelf, 3}), core::Task::Phase::running);
  CHECK(selected(*policy, world) == 1);
  world.tasks.find({kSelf, 1})->hops = world.limits.moves_per_task;
  CHECK(selected(*policy, world) == 2);
  world.tasks.find({kSelf, 2})->pinned = true;
  CHECK(selected(*policy, world) == 0);
}

TEST_CASE("smallest: the least bundle among those that may move, the oldest among equals") {
  const auto policy = policies::smallest_selection({});
  World world;
  CHECK(selected(*policy, world) == 0);
  world.add_task(1, 500);
  CHECK(selected(*policy, world) == 1);
  world.add_task(2, 100).pinned = true;
  world.add_task(3, 300);
  world.add_task(4, 300);
  world.add_task(5, 301);
  CHECK(selected(*policy, world) == 3);
  world.tasks.set_phase(*world.tasks.find({kSelf, 3}), core::Task::Phase::leaving);
  CHECK(selected(*policy, world) == 4);
}

TEST_CASE("selection respects the minimum residence") {
  World world;
  world.limits.min_residence = core::kSecond;
  world.add_task(1).arrived = world.now - core::kSecond;
  world.add_task(2).arrived = world.now - core::kSecond + 1;
  CHECK(selected(*policies::newest_waiting_selection({}), world) == 1);
}

TEST_CASE("on_demand: nothing is told unasked and nothing old is used") {
  const auto policy = policies::on_demand_information({});
  CHECK_FALSE(policy->piggybacks());
  CHECK(policy->report_interval() == 0);
  CHECK(policy->report_fanout() == 0);
  CHECK(policy->max_age() == 0);
}

TEST_CASE("piggyback: the load goes along on every datagram, none is sent for it") {
  core::PolicyConfig config;
  config.information_max_age = 7 * core::kSecond;
  const auto policy = policies::piggyback_information(config);
  CHECK(policy->piggybacks());
  CHECK(policy->report_interval() == 0);
  CHECK(policy->report_fanout() == 0);
  CHECK(policy->max_age() == 7 * core::kSecond);
}

TEST_CASE("periodic: at every interval as many peers as the fanout says are told") {
  core::PolicyConfig config;
  config.information_interval = 2 * core::kSecond;
  config.information_fanout = 5;
  config.information_max_age = 7 * core::kSecond;
  const auto policy = policies::periodic_information(config);
  CHECK_FALSE(policy->piggybacks());
  CHECK(policy->report_interval() == 2 * core::kSecond);
  CHECK(policy->report_fanout() == 5);
  CHECK(policy->max_age() == 7 * core::kSecond);
}

}  // namespace
