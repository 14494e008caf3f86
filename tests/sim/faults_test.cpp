// The fault trials themselves: they can be repeated, they can be cut down, and they bite.
#include <map>
#include <set>
#include <string>

#include "config/keys.h"
#include "config/settings.h"
#include "sim/faults/bugs.h"
#include "sim/faults/guard.h"
#include "sim/faults/hunt.h"
#include "sim/faults/plan.h"
#include "sim/faults/shrink.h"
#include "sim/faults/trial.h"
#include "tests/catch.h"

using namespace sim::faults;

TEST_CASE("faults: the same seed gives the same trial, another one another") {
  const Verdict once = carry_out(draw_plan(5), {SIZE_MAX});
  const Verdict again = carry_out(draw_plan(5), {SIZE_MAX});
  CHECK(once.broken == "");
  CHECK(once.events == again.events);
  CHECK(once.transcript == again.transcript);
  CHECK(describe(draw_plan(5)) == describe(draw_plan(5)));
  CHECK(describe(draw_plan(5)) != describe(draw_plan(6)));
}

TEST_CASE("faults: every kind of incident is drawn") {
  std::uint64_t drawn[kKinds] = {};
  bool journal[2] = {}, gullible[2] = {}, remembers[2] = {}, large = false;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Plan plan = draw_plan(seed);
    for (const Incident& incident : plan.incidents)
      ++drawn[static_cast<std::size_t>(incident.kind)];
    journal[plan.journal ? 1 : 0] = true;
    gullible[plan.gullible ? 1 : 0] = true;
    remembers[plan.remembers() ? 1 : 0] = true;
    large |= plan.nodes() > 30;
    CHECK((plan.nodes() >= 2 && plan.nodes() <= 64));
  }
  for (const std::uint64_t count : drawn) CHECK(count > 50);
  CHECK((journal[0] && journal[1] && gullible[0] && gullible[1] && large));
  CHECK((remembers[0] && remembers[1]));
}

// Every key of the configuration that the core has. Slots are the plan's own.
TEST_CASE("faults: every option is drawn") {
  std::map<std::string, std::set<std::string>> values;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    config::Settings settings = config::default_settings();
    settings.core = draw_config(seed);
    for (const config::Key& key : config::keys())
      values[key.full_name()].insert(key.print(settings));
  }
  const std::set<std::string> elsewhere = {
      "load.slots",        "policy.preset",     "limits.shutdown_timeout",
      "limits.kill_grace", "limits.task_bytes", "limits.output_bytes",
      "limits.streams",    "membership.seeds",  "limits.bandwidth_mbit"};
  for (const auto& [name, drawn] : values) {
    const std::string section = name.substr(0, name.find('.'));
    if (section == "node" || section == "network" || elsewhere.contains(name)) continue;
    CAPTURE(name);
    CHECK(drawn.size() > 1);
  }
}

TEST_CASE("faults: each deliberate bug is found within its number of seeds") {
  for (const Bug& bug : kBugs) {
    CAPTURE(bug.name);
    HuntOptions options;
    options.last = bug.seeds;
    options.jobs = 2;
    options.sabotage = bug.sabotage;
    CHECK(hunt(options).failing.has_value());
  }
}

TEST_CASE("faults: a failure is cut down to what still fails") {
  const Plan plan = draw_plan(2, core::Sabotage::rerun_interrupted);
  const auto carry_out = [](const Plan& part) { return carry_out_guarded(part, {}, true); };
  const Shrunk shrunk = shrink(plan, carry_out, 200);
  CHECK(shrunk.verdict.failed());
  CHECK(shrunk.plan.incidents.size() < plan.incidents.size() / 2);
  CHECK(shrunk.plan.incidents.size() >= 2);  // a task and a crash
  const Verdict shown = carry_out_guarded(shrunk.plan, {20}, true);
  CHECK(shown.broken == shrunk.verdict.broken);
  CHECK_FALSE(shown.transcript.empty());
}

TEST_CASE("faults: who breaks down takes only its own trial along") {
  HuntOptions options;
  options.last = 100;
  options.sabotage = core::Sabotage::commit_twice;
  const HuntResult result = hunt(options);
  REQUIRE(result.failing);
  CHECK(carry_out_guarded(draw_plan(*result.failing, options.sabotage), {}, true).failed());
  CHECK_FALSE(carry_out_guarded(draw_plan(*result.failing), {}, true).failed());
}
