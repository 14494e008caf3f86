// The load index: waiting + running + reserved arrivals, in thousandths, divided by the weight.
#include <cstdint>
#include <memory>

#include "core/node.h"
#include "policies/registry.h"
#include "tests/catch.h"

namespace {

constexpr core::PeerId kSelf{1};
constexpr core::PeerId kSource{2};

class Board {
 public:
  explicit Board(core::LoadConfig load) {
    config_.load = load;
    config_.policy.transfer = "never";
    config_.policy.location = "random";
    core::Identity identity{.id = kSelf, .name = "self", .endpoint = {}, .incarnation = 0};
    identity.incarnation = core::first_incarnation(1);
    node_ = std::make_unique<core::Node>(identity, std::make_shared<core::Config>(config_),
                                         policies::make_policies, std::vector<core::Endpoint>{}, 1);
    node_->step(0, core::Tick{});
    core::Member member;
    member.id = kSource;
    member.name = "source";
    member.incarnation = identity.incarnation;
    hear(core::News{{member}});
  }

  void submit() { step(core::TaskSubmitted{{kSelf, ++serial_}, {}, false}); }
  void end(std::uint64_t serial) { step(core::TaskExited{{kSelf, serial}, {}}); }
  void reserve() {
    core::Offer offer;
    offer.task = {kSource, ++serial_};
    offer.epoch = 2;
    offer.source_load = 100'000;
    hear(offer);
  }
  void abort() { hear(core::Abort{.task = {kSource, serial_}, .epoch = 2}); }
  void reconfigure(core::LoadConfig load) {
    config_.load = load;
    step(core::Reconfigured{std::make_shared<core::Config>(config_)});
  }
  // Ticks until then.
  void pass(core::Duration duration) {
    const core::Time until = now_ + duration;
    while (node_->next_timeout() <= until) {
      now_ = node_->next_timeout();
      node_->step(now_, core::Tick{});
    }
    now_ = until;
  }
  core::Load load() const { return node_->load(); }
  std::uint32_t reserved() const { return node_->reserved(); }

 private:
  void step(const core::Event& event) { node_->step(now_, event); }
  void hear(const core::Message& message) {
    core::Header header{.from = kSource, .incarnation = core::first_incarnation(1), .load = {}};
    step(core::MessageReceived{{}, header, message});
  }

  core::Config config_;
  std::unique_ptr<core::Node> node_;
  core::Time now_ = 0;
  std::uint64_t serial_ = 0;
};

}  // namespace

TEST_CASE("load: waiting, running and reserved count alike, ended ones not") {
  Board board(core::LoadConfig{.slots = 2});
  CHECK(board.load() == 0);
  for (int i = 0; i < 3; ++i) board.submit();
  CHECK(board.load() == 3000);
  board.reserve();
  CHECK(board.reserved() == 1);
  CHECK(board.load() == 4000);
  board.abort();
  CHECK(board.load() == 3000);
  board.end(1);
  CHECK(board.load() == 2000);
}

TEST_CASE("load: reservations can be left out, for the study of ping-pong") {
  Board board(core::LoadConfig{.slots = 2, .reservations = false});
  board.submit();
  board.reserve();
  CHECK(board.reserved() == 1);
  CHECK(board.load() == 1000);
}

TEST_CASE("load: divided by the board's weight") {
  Board board(core::LoadConfig{.weight_thousandths = 4000});
  board.submit();
  CHECK(board.load() == 250);
  board.submit();
  board.reserve();
  CHECK(board.load() == 750);
  board.reconfigure(core::LoadConfig{.weight_thousandths = 500});
  CHECK(board.load() == 6000);
}

TEST_CASE("load: a tiny weight does not overflow the index") {
  Board board(core::LoadConfig{.weight_thousandths = 1});
  for (int i = 0; i < 1001; ++i) board.submit();
  CHECK(board.load() == core::kMaxLoad);
}

TEST_CASE("load: smoothing moves by a share of the difference at every sample") {
  core::LoadConfig config{.smoothing_thousandths = 250,
                          .sample_interval = 100 * core::kMillisecond};
  Board board(config);
  for (int i = 0; i < 4; ++i) board.submit();
  CHECK(board.load() == 0);
  board.pass(99 * core::kMillisecond);
  CHECK(board.load() == 0);
  board.pass(core::kMillisecond);
  CHECK(board.load() == 1000);
  board.pass(100 * core::kMillisecond);
  CHECK(board.load() == 1750);
  board.pass(100 * core::kMillisecond);
  CHECK(board.load() == 2313);
  // Reservations count at once.
  board.reserve();
  CHECK(board.load() == 3313);
}

TEST_CASE("load: the smoothed index arrives at the load itself, up and down") {
  Board board(core::LoadConfig{.smoothing_thousandths = 300});
  for (int i = 0; i < 4; ++i) board.submit();
  board.pass(60 * core::kSecond);
  CHECK(board.load() == 4000);
  for (std::uint64_t serial = 1; serial <= 4; ++serial) board.end(serial);
  board.pass(60 * core::kSecond);
  CHECK(board.load() == 0);
}

namespace {

// Moves nothing, and notes what it is shown of idle time.
class Onlooker final : public core::TransferPolicy {
 public:
  explicit Onlooker(std::int32_t& idle_thousandths) : idle_thousandths_(idle_thousandths) {}
  core::Role classify(const core::View& view) const override {
    idle_thousandths_ = view.idle_thousandths;
    return core::Role::ok;
  }
  core::Load reference(const core::View& /*view*/, core::Role /*role*/) const override { return 0; }

 private:
  std::int32_t& idle_thousandths_;
};

// After one task of a second that began with the node, `idle` later.
std::int32_t idleness(core::Time start, core::Duration idle) {
  std::int32_t seen = 0;
  const core::Identity self{.id = kSelf, .name = "self", .endpoint = {}, .incarnation = 1};
  const auto factory = [&seen](const core::PolicyConfig& config) {
    core::PolicySet set = policies::make_policies(config);
    set.transfer = std::make_unique<Onlooker>(seen);
    return set;
  };
  core::Node node(self, std::make_shared<core::Config>(), factory, {}, 1);
  node.step(start, core::Tick{});
  node.step(start, core::TaskSubmitted{{kSelf, 1}, {}, false});
  node.step(start + core::kSecond, core::TaskExited{{kSelf, 1}, {}});
  node.step(start + core::kSecond + idle, core::Tick{});
  return seen;
}

}  // namespace

TEST_CASE("load: the share of idle time is known after 32 run times, whatever the clock says") {
  for (const core::Time start : {core::Time{0}, 1'000'000 * core::kSecond}) {
    CAPTURE(start);
    CHECK(idleness(start, 30 * core::kSecond) == -1);
    CHECK(idleness(start, 39 * core::kSecond) == 975);
  }
}
