// A copy that was prepared, running but stopped, and whose process ends before anybody has decided.
#include <cstddef>
#include <memory>
#include <variant>
#include <vector>

#include "core/node.h"
#include "policies/registry.h"
#include "tests/catch.h"

namespace {

using core::kSecond;

constexpr core::PeerId kSelf{1};
constexpr core::PeerId kSource{2};
constexpr core::TaskId kGuest{kSource, 1};

core::MessageReceived from_source(const core::Message& message) {
  core::Header header{.from = kSource, .incarnation = core::first_incarnation(1), .load = {}};
  return {{}, header, message};
}

template <typename Message>
std::vector<Message> sent(const core::Actions& actions) {
  std::vector<Message> found;
  for (const core::Action& action : actions)
    if (const auto* send = std::get_if<core::Send>(&action))
      if (const auto* message = std::get_if<Message>(&send->message)) found.push_back(*message);
  return found;
}

template <typename Wanted>
std::size_t count(const core::Actions& actions) {
  std::size_t found = 0;
  for (const core::Action& action : actions)
    if (std::holds_alternative<Wanted>(action)) ++found;
  return found;
}

struct Board {
  core::Node node{
      {.id = kSelf, .name = "self", .endpoint = {}, .incarnation = core::first_incarnation(1)},
      std::make_shared<core::Config>(),
      policies::make_policies,
      {},
      1};

  Board() {
    core::Member source;
    source.id = kSource;
    source.name = "source";
    source.endpoint.port = 7400;
    source.incarnation = core::first_incarnation(1);
    node.step(0, core::Tick{});
    node.step(0, from_source(core::News{{source}}));
    core::LoadSampled sampled;
    sampled.memory_available_bytes = sampled.disk_available_bytes = 1ull << 30;
    sampled.migrates = true;
    node.step(0, sampled);
    core::Offer offer;
    offer.task = kGuest;
    offer.epoch = 2;
    offer.wanted = offer.running = true;
    REQUIRE(sent<core::Grant>(node.step(kSecond, from_source(offer))).size() == 1);
    const auto prepared =
        sent<core::Prepared>(node.step(kSecond, core::BundleReceived{kGuest, 2, true}));
    REQUIRE(prepared.size() == 1);
    REQUIRE_FALSE(prepared[0].process_lost);
  }
};

}  // namespace

TEST_CASE("prepared: the source is told at once that the process has ended") {
  Board board;
  const auto told =
      sent<core::Prepared>(board.node.step(2 * kSecond, core::BundleReceived{kGuest, 2, false}));
  REQUIRE(told.size() == 1);
  CHECK(told[0].process_lost);
  SECTION("a source that has not decided keeps its own") {
    const core::Actions actions = board.node.step(2 * kSecond, from_source(core::Abort{kGuest, 2}));
    CHECK(count<core::DiscardTask>(actions) == 1);
    CHECK(board.node.tasks().find(kGuest) == nullptr);
  }
  SECTION("with one that has, the task is lost, and is not begun again") {
    const core::Actions actions =
        board.node.step(2 * kSecond, from_source(core::Commit{kGuest, 2}));
    CHECK(count<core::StartTask>(actions) == 0);
    const core::Task* task = board.node.tasks().find(kGuest);
    REQUIRE(task != nullptr);
    CHECK(task->status.kind == core::ExitStatus::Kind::lost);
  }
}

TEST_CASE("prepared: what ends later than the decision changes nothing here") {
  Board board;
  const core::Actions started = board.node.step(2 * kSecond, from_source(core::Commit{kGuest, 2}));
  CHECK(count<core::StartTask>(started) == 1);
  const core::Actions late = board.node.step(2 * kSecond, core::BundleReceived{kGuest, 2, false});
  CHECK(sent<core::Prepared>(late).empty());
  CHECK(board.node.tasks().find(kGuest)->phase == core::Task::Phase::running);
}
