// Worlds for tests: so many peers with one seed address, and questions about all of them at once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/node.h"
#include "policies/registry.h"
#include "sim/world.h"
#include "tests/catch.h"

namespace sim_test {

using core::kMillisecond;
using core::kSecond;
using sim::NodeIndex;
using sim::World;

// The default configuration with that preset.
inline core::Config config_of(const std::string& preset) {
  core::Config config;
  config.policy = policies::preset(preset).value();
  return config;
}

// `count` nodes that join through the first one; all started at once.
inline void populate(World& world, NodeIndex count, const core::Config& config) {
  for (NodeIndex i = 0; i < count; ++i) {
    sim::NodeOptions options{.config = config};
    if (i > 0) options.seeds = {0};
    world.add(options);
  }
}

// What `observer` holds of `subject`; nothing if it does not know it, or is down itself.
inline std::optional<core::Member> seen(const World& world, NodeIndex observer, NodeIndex subject) {
  if (world.node(observer).state == sim::VirtualNode::State::down) return std::nullopt;
  for (const core::PeerStatus& peer : world.core(observer).peers())
    if (peer.member.id == world.node(subject).id) return peer.member;
  return std::nullopt;
}

inline bool sees(const World& world, NodeIndex observer, NodeIndex subject,
                 core::MemberState state) {
  const auto member = seen(world, observer, subject);
  return member && member->state == state;
}

// Does every other node that is up hold that of `subject`?
inline bool all_see(const World& world, NodeIndex subject, core::MemberState state) {
  for (NodeIndex i = 0; i < world.size(); ++i)
    if (i != subject && world.node(i).state == sim::VirtualNode::State::up &&
        !sees(world, i, subject, state))
      return false;
  return true;
}

inline bool all_alive(const World& world) {
  for (NodeIndex i = 0; i < world.size(); ++i) {
    if (world.node(i).state == sim::VirtualNode::State::down) continue;
    NodeIndex alive = 0;
    for (const core::PeerStatus& peer : world.core(i).peers())
      if (peer.member.state == core::MemberState::alive) ++alive;
    if (alive + 1 != world.size()) return false;
  }
  return true;
}

// Runs until everybody knows everybody.
inline void settle(World& world) {
  REQUIRE(world.reaches([&] { return all_alive(world); }, 60 * kSecond, 100 * kMillisecond));
}

// Calls back for each trace of that kind.
inline void on_trace(World& world, core::What what,
                     std::function<void(NodeIndex, const core::Trace&)> call) {
  world.watch([what, call](const sim::StepTaken& step) {
    for (const core::Action& action : step.actions) {
      const auto* trace = std::get_if<core::Trace>(&action);
      if (trace != nullptr && trace->what == what) call(step.node, *trace);
    }
  });
}

// How often that was traced by anybody, from now on. Must live as long as the world.
class Count {
 public:
  Count(World& world, core::What what) {
    on_trace(world, what, [this](NodeIndex, const core::Trace&) { ++count_; });
  }
  Count(const Count&) = delete;
  Count& operator=(const Count&) = delete;
  std::uint64_t operator()() const { return count_; }

 private:
  std::uint64_t count_ = 0;
};

// Has each task's end been recorded at its home node?
inline bool all_ended(const World& world) {
  const auto& tasks = world.history().tasks();
  return std::all_of(tasks.begin(), tasks.end(),
                     [](const sim::TaskHistory& task) { return task.ends > 0; });
}

// Nothing of any task is left anywhere: no task, handoff, process, stream or file.
inline std::string leftovers(const World& world) {
  std::string text;
  for (NodeIndex i = 0; i < world.size(); ++i) {
    const sim::VirtualNode& node = world.node(i);
    if (node.core == nullptr) continue;
    const auto say = [&](const std::string& what, std::size_t count) {
      if (count > 0) text += node.name + " has " + std::to_string(count) + " " + what + "; ";
    };
    say("tasks", node.core->tasks().all().size());
    say("handoffs", node.core->handoffs().size());
    say("processes", node.processes.size());
    say("frozen processes", node.frozen.size());
    say("restored processes", node.restored.size());
    say("ends", node.ended.size());
    say("batches to write", node.outbox.holds() ? 1 : 0);
    say("dumps", node.dumps.size());
    say("restores", node.restores.size());
    say("tasks' files", node.files.size());
    say("expected bundles", node.expected.size());
    say("bundles on their way", node.sending.size());
  }
  return text;
}

// Every task ran exactly once, ended as it should and was recorded once.
inline void check_all_done(const World& world) {
  CHECK(world.history().violations() == std::vector<std::string>{});
  for (const sim::TaskHistory& task : world.history().tasks()) {
    CAPTURE(task.id.serial);
    CHECK(task.accepted);
    CHECK(task.runs.size() == 1);
    CHECK(task.ends == 1);
    CHECK(task.status == task.job.status);
  }
}

}  // namespace sim_test
