// Running tasks that move: the part of Stays that has to do with their processes.
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "peerd/clock.h"
#include "peerd/stays.h"

namespace peerd {

// Once: what is missing does not come by itself.
void Stays::check_migration() {
  if (!limits_.migratable || checked_ || !around_.log) return;
  checked_ = true;
  executor_.check([this](const net::executor::Checked& checked) {
    movable_here_ = checked.usable;
    movability_ = checked.words;
    if (checked.usable)
      return around_.log->info("running tasks can be moved, by {}", checked.words);
    around_.log->warning("running tasks are not moved: {}", checked.words);
  });
}

void Stays::surround(const Key& key, Stay& stay) {
  const std::string directory = around_.files->directory(key.first, key.second);
  const std::string surroundings = around_.files->stay_directory(key.first, key.second);
  // What fails here the executor will tell.
  ::mkdir(surroundings.c_str(), 0755);
  ::rename(directory.c_str(), (surroundings + "/files").c_str());
  if (!stay.spec.stdin_path.empty())
    ::rename(around_.files->stdin_path(key.first, key.second).c_str(),
             (surroundings + "/stdin").c_str());
}

void Stays::measure(const Key& key, Stay& stay) {
  if (!migrates() || stay.image_sender) return;
  if (!stay.surrounded) {
    if (!std::exchange(stay.said_to_stay, true))
      around_.post(core::TaskMeasured{key.first, 0, false});
    return;
  }
  executor_.inspect(key, false, [this, key](const net::executor::Inspected& found) {
    Stay* inspected = find(key.first, key.second);
    if (inspected == nullptr || !inspected->running) return;
    std::string obstacle = found.obstacle;
    if (obstacle.empty()) obstacle = user_obstacle(key.first, inspected->spec, core::PeerId::none);
    if (!obstacle.empty() && obstacle != inspected->obstacle)
      around_.explain(key.first, "cannot be moved now: " + obstacle);
    inspected->obstacle = obstacle;
    around_.post(core::TaskMeasured{key.first, found.resident_bytes, obstacle.empty()});
  });
}

void Stays::send_running(const Key& key, Stay& stay, const core::SendBundle& action,
                         const std::vector<std::string>& trace) {
  if (const std::string why = user_obstacle(key.first, stay.spec, action.to); !why.empty())
    return sent_running(key, action, {why, false, {}});
  stay.image_sender = std::make_unique<ImageSender>(
      around_.loop, executor_, key, around_.files->image_path(key.first, key.second),
      action.endpoint, hello(net::StreamHello::Kind::bundle, action.task, action.epoch), stay.spec,
      trace, pacer_, [this, key, action](const ImageSender::Result& result) {
        sent_running(key, action, result);
      });
}

void Stays::sent_running(const Key& key, const core::SendBundle& action,
                         const ImageSender::Result& result) {
  if (!result.error.empty()) {
    around_.explain(key.first, "not moved while it runs: " + result.error);
    around_.log->info("{} is not moved while it runs: {}", around_.name_of(key.first),
                      result.error);
  }
  if (Stay* stay = find(key.first, key.second)) stay->image_sender.reset();
  around_.post(core::BundleSent{action.task, action.epoch, result.error.empty(), result.immovable});
}

void Stays::image_arrived(const Key& key, ImageReceiver::Arrival arrival) {
  Stay* stay = find(key.first, key.second);
  if (stay == nullptr) return;
  stay->image_receiver.reset();
  stay->source = core::PeerId::none;
  if (!arrival.error.empty()) {
    around_.log->warning("{} did not arrive running: {}", around_.name_of(key.first),
                         arrival.error);
    if (executor_.holds(key)) executor_.discard(key);
  }
  for (const std::string& line : arrival.trace) around_.explanations->add(key.first, line);
  stay->spec = std::move(arrival.spec);
  stay->surrounded = true;
  stay->frozen_at = arrival.begun;
  stay->move = fmt::format(
      "{} KiB, {} KiB as sent; dump {} ms, dump and transfer {} ms, restore {} ms",
      arrival.frozen.bytes >> 10, arrival.frozen.packed_bytes >> 10, arrival.frozen.dump_us / 1000,
      (arrival.restore.total_us - arrival.restore.criu_us) / 1000, arrival.restore.criu_us / 1000);
  around_.post(core::BundleReceived{key.first, key.second, arrival.error.empty()});
}

// After a move, or one that was given up.
void Stays::go_on(const Key& key, Stay& stay) {
  stay.begun = stay.running = true;
  executor_.resume(key);
  if (stay.move.empty()) return;
  const core::Duration frozen = monotonic_now() - stay.frozen_at;
  around_.explain(key.first, fmt::format("goes on here after {} ms: {}",
                                         frozen / core::kMillisecond, stay.move));
  stay.move.clear();
}

}  // namespace peerd
