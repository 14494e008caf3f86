// peerd: the daemon, one per board.
#include <sysexits.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/settings.h"
#include "net/transport.h"
#include "peerd/background.h"
#include "peerd/clock.h"
#include "peerd/control_server.h"
#include "peerd/driver.h"
#include "peerd/journal_store.h"
#include "peerd/lifetime.h"
#include "peerd/log.h"
#include "peerd/signal_handle.h"
#include "peerd/timer.h"
#include "peerd/users.h"

namespace peerd {
namespace {

struct Seeds {
  std::vector<core::Endpoint> endpoints;
  std::string error;
};

// Blocks while it asks.
Seeds resolve_seeds(const std::vector<std::string>& names) {
  Seeds seeds;
  for (const std::string& name : names) {
    std::string error;
    const auto seed = net::resolve(name, error);
    if (!seed) return {{}, "membership.seeds: " + name + ": " + error};
    seeds.endpoints.push_back(*seed);
  }
  return seeds;
}

class Daemon {
 public:
  Daemon(uv_loop_t* loop, Log& log, int argc, const char* const* argv, config::Settings settings,
         JournalStore journal, std::vector<core::Endpoint> seeds)
      : loop_(loop),
        log_(log),
        argc_(argc),
        argv_(argv),
        settings_(std::move(settings)),
        journal_(std::move(journal)),
        driver_(loop, log, settings_, journal_, std::move(seeds)),
        control_(loop, driver_, log),
        shutdown_timer_(loop, [this] { out_of_time(); }) {}

  int run() {
    if (const std::string error = driver_.start(); !error.empty()) return cannot_start(error);
    if (const std::string error = control_.listen(settings_.socket, settings_.control_group);
        !error.empty())
      return cannot_start(error);
    if (const std::string error = become_user(); !error.empty()) return cannot_start(error);
    hangup_ = std::make_unique<SignalHandle>(loop_, SIGHUP, [this] { reload(); });
    terminate_ = std::make_unique<SignalHandle>(loop_, SIGTERM, [this] { shut_down("SIGTERM"); });
    interrupt_ = std::make_unique<SignalHandle>(loop_, SIGINT, [this] { shut_down("SIGINT"); });
    log_.info("ready; peerctl --socket {} talks to it", settings_.socket);
    uv_run(loop_, UV_RUN_DEFAULT);
    return exit_code_;
  }

 private:
  int cannot_start(const std::string& error) {
    log_.error("{}", error);
    return EX_UNAVAILABLE;
  }

  // What needs root has been done: the executor runs, the sockets are open.
  std::string become_user() {
    if (settings_.user.empty() || ::geteuid() != 0) return "";
    driver_.end_without_executor([this] {
      exit_code_ = EX_OSERR;
      uv_stop(loop_);
    });
    const auto user = find_user(settings_.user);
    std::string error = become(*user, settings_.state_directory, settings_.socket);
    if (error.empty()) log_.info("goes on as {}", settings_.user);
    return error;
  }

  void reload() {
    const auto outcome = config::load(argc_, argv_);
    if (const auto* errors = std::get_if<config::Errors>(&outcome)) {
      for (const std::string& line : errors->lines) log_.error("{}", line);
      return log_.error("the configuration stays as it was");
    }
    const config::Settings& wanted = std::get<config::Loaded>(outcome).settings;
    const auto changed = config::changes(settings_, wanted);
    for (const std::string& line : changed) log_.info("changed: {}", line);
    for (const std::string& line : config::restart_needed(settings_, wanted))
      log_.warning("needs a restart: {}", line);
    if (changed.empty()) log_.info("configuration read again: nothing to change at run time");
    settings_ = config::apply_changes(settings_, wanted);
    driver_.reconfigure(settings_);
    reload_seeds();
  }

  // Off the loop: a resolver that takes its time would make this peer look dead.
  void reload_seeds() {
    const auto resolved = std::make_shared<Seeds>();
    in_background(
        loop_, lifetime_, [resolved, names = settings_.seeds] { *resolved = resolve_seeds(names); },
        [this, resolved] {
          if (!resolved->error.empty())
            return log_.error("{}; the seeds stay as they were", resolved->error);
          driver_.post(core::SeedsChanged{resolved->endpoints});
        });
  }

  // The first signal asks to finish, the second to leave things as they are.
  void shut_down(const char* signal) {
    if (!shutting_down_) {
      log_.info("{}: finishing what runs here, within {} s; again to stop at once", signal,
                settings_.shutdown_timeout / core::kSecond);
      shutdown_timer_.start(settings_.shutdown_timeout);
    } else {
      log_.warning("{} again: stopping at once", signal);
      driver_.end_tasks();
      tell_unfinished();
      exit_code_ = EX_TEMPFAIL;
    }
    shutting_down_ = true;
    driver_.drain([this] { uv_stop(loop_); });
  }

  void out_of_time() {
    log_.warning("shutdown timeout: stopping with what is left");
    tell_unfinished();
    exit_code_ = EX_TEMPFAIL;
    driver_.drain([this] { uv_stop(loop_); });
  }

  // Whose end nobody will see here any more.
  void tell_unfinished() {
    const core::Node& node = driver_.node();
    std::vector<core::TaskId> own, guests;
    for (const core::HomeRecord* record : node.records())
      if (record->open()) own.push_back(record->task);
    for (const auto& [arrival, task] : node.tasks().all())
      if (task.id.home != node.identity().id) guests.push_back(task.id);
    if (!own.empty())
      log_.warning("{} submitted here have not ended; the next start goes on with them: {}",
                   counted(own.size()), listed(own));
    if (!guests.empty())
      log_.warning("{} of other peers have not ended here; the next start goes on with them: {}",
                   counted(guests.size()), listed(guests));
  }

  static std::string counted(std::size_t tasks) {
    return std::to_string(tasks) + (tasks == 1 ? " task" : " tasks");
  }

  std::string listed(const std::vector<core::TaskId>& tasks) const {
    constexpr std::size_t kShown = 10;
    std::string text;
    for (std::size_t i = 0; i < std::min(tasks.size(), kShown); ++i)
      text += (i == 0 ? "" : ", ") + driver_.name_of(tasks[i]);
    return tasks.size() > kShown ? text + ", ..." : text;
  }

  uv_loop_t* loop_;
  Log& log_;
  int argc_;
  const char* const* argv_;
  config::Settings settings_;
  JournalStore journal_;
  Driver driver_;
  ControlServer control_;
  Timer shutdown_timer_;
  std::unique_ptr<SignalHandle> hangup_, terminate_, interrupt_;
  Lifetime lifetime_;
  bool shutting_down_ = false;
  int exit_code_ = 0;
};

// Which accounts there are only this board knows. Empty, or what is missing.
std::string missing_account(const config::Settings& settings) {
  if (::geteuid() != 0) return "";
  const auto missing = [](const char* key, const std::string& name) {
    return std::string(key) + ": this board has no user " + name;
  };
  if (!settings.user.empty() && !find_user(settings.user))
    return missing("node.user", settings.user);
  const std::string task_user = config::task_account(settings);
  return find_user(task_user) ? "" : missing("node.task_user", task_user);
}

int fail(Log& log, const std::string& text, int exit_code) {
  log.error("{}", text);
  return exit_code;
}

int run(int argc, const char* const* argv) {
  auto outcome = config::load(argc, argv);
  if (const auto* errors = std::get_if<config::Errors>(&outcome)) {
    for (const std::string& line : errors->lines) std::fprintf(stderr, "peerd: %s\n", line.c_str());
    return config::Errors::kExitCode;
  }
  auto& loaded = std::get<config::Loaded>(outcome);
  if (loaded.mode != config::Mode::run) {
    std::fputs(loaded.text.c_str(), stdout);
    return 0;
  }
  const config::Settings& settings = loaded.settings;
  Log log;
  log.set_level(settings.log_level);
  if (const std::string missing = missing_account(settings); !missing.empty())
    return fail(log, missing, EX_NOUSER);
  Seeds seeds = resolve_seeds(settings.seeds);
  if (!seeds.error.empty()) return fail(log, seeds.error, EX_NOHOST);
  auto opened = JournalStore::open(settings.state_directory, monotonic_now());
  if (const auto* error = std::get_if<StartError>(&opened))
    return fail(log, error->text, error->exit_code);

  uv_loop_t loop;
  uv_loop_init(&loop);
  int exit_code = 0;
  {
    Daemon daemon(&loop, log, argc, argv, settings, std::move(std::get<JournalStore>(opened)),
                  std::move(seeds.endpoints));
    exit_code = daemon.run();
  }
  // Whatever is being closed gets its turn.
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  log.info("stopped");
  return exit_code;
}

}  // namespace
}  // namespace peerd

int main(int argc, char** argv) {
  return peerd::run(argc, argv);
}
