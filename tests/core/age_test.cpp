// A task takes its age along: it is as old at its next peer as it was at the last.
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "core/node.h"
#include "policies/registry.h"
#include "tests/catch.h"

namespace {

using core::kSecond;

constexpr core::PeerId kSelf{1};
constexpr core::PeerId kHome{2};
constexpr core::TaskId kGuest{kHome, 1};

core::Config config() {
  core::Config config;
  config.policy.transfer = "never";
  config.policy.location = "shortest";
  return config;
}

core::Identity identity() {
  return {.id = kSelf, .name = "self", .endpoint = {}, .incarnation = core::first_incarnation(1)};
}

core::MessageReceived from_home(const core::Message& message) {
  core::Header header{.from = kHome, .incarnation = core::first_incarnation(1), .load = {}};
  return {{}, header, message};
}

// A busy board with a guest that had waited for five seconds when it was offered, at 1 s, and that
// has come at 2 s.
struct Board {
  core::Node node{
      identity(), std::make_shared<core::Config>(config()), policies::make_policies, {}, 1};

  Board() {
    core::Member home;
    home.id = kHome;
    home.name = "home";
    home.endpoint.port = 7400;
    home.incarnation = core::first_incarnation(1);
    node.step(0, core::Tick{});
    node.step(0, from_home(core::News{{home}}));
    node.step(0, core::TaskSubmitted{{kSelf, 1}, {}, false});
    core::Offer offer;
    offer.task = kGuest;
    offer.epoch = 2;
    offer.source_load = 100'000;
    offer.waited = 5 * kSecond;
    node.step(kSecond, from_home(offer));
    node.step(2 * kSecond, core::BundleReceived{kGuest, 2, true});
    node.step(2 * kSecond, from_home(core::Commit{kGuest, 2}));
  }
};

std::optional<core::Offer> offer_among(const core::Actions& actions) {
  for (const core::Action& action : actions) {
    const auto* send = std::get_if<core::Send>(&action);
    if (send == nullptr) continue;
    if (const auto* offer = std::get_if<core::Offer>(&send->message)) return *offer;
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("age: a task that moves is as old as before, its residence begins anew") {
  const Board board;
  const core::Task* guest = board.node.tasks().find(kGuest);
  REQUIRE(guest != nullptr);
  CHECK(guest->arrived == 2 * kSecond);
  CHECK(guest->waited_before == 6 * kSecond);
}

TEST_CASE("age: what was waited here is told to the next peer as well") {
  Board board;
  const auto offer = offer_among(board.node.step(10 * kSecond, core::DrainRequested{}));
  REQUIRE(offer);
  CHECK(offer->task == kGuest);
  CHECK(offer->waited == 14 * kSecond);
}

TEST_CASE("age: a guest that has waited longer starts before a task that was here first") {
  Board board;
  core::Offer older;
  older.task = {kHome, 2};
  older.epoch = 2;
  older.source_load = 100'000;
  older.waited = 7 * kSecond;
  board.node.step(2 * kSecond, from_home(older));
  board.node.step(2 * kSecond, core::BundleReceived{older.task, 2, true});
  board.node.step(2 * kSecond, from_home(core::Commit{older.task, 2}));
  std::vector<core::TaskId> started;
  for (const core::TaskId running : {core::TaskId{kSelf, 1}, older.task})
    for (const core::Action& action : board.node.step(3 * kSecond, core::TaskExited{running, {}}))
      if (const auto* start = std::get_if<core::StartTask>(&action)) started.push_back(start->task);
  CHECK(started == std::vector<core::TaskId>{older.task, kGuest});
}
