// The same seed gives the same world, word for word; another one does not.
#include "sim/transcript.h"
#include "tests/sim/cluster.h"

using namespace sim_test;

namespace {

// Everything at once: a burst, loss, doubling, reordering, a stall, a crash and a restart.
std::uint64_t hash_of(std::uint64_t seed, const std::string& preset,
                      const std::string& information) {
  World world(
      {.seed = seed,
       .link = {
           .loss_thousandths = 50, .duplication_thousandths = 50, .reorder_thousandths = 100}});
  sim::Transcript transcript(world, sim::Transcript::Keep::hash_only);
  core::Config config = config_of(preset);
  config.policy.information = information;
  populate(world, 5, config);
  world.run_for(5 * kSecond);
  for (int i = 0; i < 30; ++i) world.submit(i % 2 == 0 ? 0 : 3);
  world.run_for(500 * kMillisecond);
  world.pause(1);
  world.run_for(kSecond);
  world.resume(1);
  world.crash(2);
  world.run_for(10 * kSecond);
  world.restart(2);
  world.run_for(20 * kSecond);
  return transcript.hash();
}

}  // namespace

TEST_CASE("a world can be repeated") {
  for (const std::string& preset : policies::preset_names()) {
    for (const std::string& information : policies::information_names()) {
      CAPTURE(preset, information);
      const std::uint64_t hash = hash_of(1, preset, information);
      CHECK(hash == hash_of(1, preset, information));
      CHECK(hash != hash_of(2, preset, information));
    }
  }
}
