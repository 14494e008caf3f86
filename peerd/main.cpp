// peerd: the daemon, one per board.
#include <uv.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "config/settings.h"
#include "net/transport.h"
#include "peerd/control_server.h"
#include "peerd/driver.h"
#include "peerd/identity.h"
#include "peerd/log.h"
#include "peerd/timer.h"

namespace peerd {
namespace {

// sysexits
constexpr int kNoHost = 68;
constexpr int kUnavailable = 69;
constexpr int kTryLater = 75;

// A signal as a callback on the loop.
class SignalHandle {
 public:
  SignalHandle(uv_loop_t* loop, int number, std::function<void()> on_signal)
      : state_(new State{{}, std::move(on_signal)}) {
    uv_signal_init(loop, &state_->handle);
    state_->handle.data = state_;
    uv_signal_start(
        &state_->handle,
        [](uv_signal_t* handle, int) { static_cast<State*>(handle->data)->on_signal(); }, number);
  }
  ~SignalHandle() {
    uv_close(reinterpret_cast<uv_handle_t*>(&state_->handle),
             [](uv_handle_t* handle) { delete static_cast<State*>(handle->data); });
  }
  SignalHandle(const SignalHandle&) = delete;
  SignalHandle& operator=(const SignalHandle&) = delete;

 private:
  struct State {
    uv_signal_t handle;
    std::function<void()> on_signal;
  };
  State* state_;
};

class Daemon {
 public:
  Daemon(uv_loop_t* loop, Log& log, int argc, const char* const* argv, config::Settings settings,
         Identity identity, std::vector<core::Endpoint> seeds)
      : loop_(loop),
        log_(log),
        argc_(argc),
        argv_(argv),
        settings_(std::move(settings)),
        identity_(std::move(identity)),
        driver_(loop, log, settings_, identity_, std::move(seeds)),
        control_(loop, driver_, log),
        shutdown_timer_(loop, [this] { out_of_time(); }) {}

  int run() {
    if (const std::string error = driver_.start(); !error.empty()) return cannot_start(error);
    if (const std::string error = control_.listen(settings_.socket); !error.empty())
      return cannot_start(error);
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
    return kUnavailable;
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
  }

  // The first signal asks to finish, the second to leave things as they are.
  void shut_down(const char* signal) {
    if (!shutting_down_) {
      log_.info("{}: finishing what runs here, within {} s; again to stop at once", signal,
                settings_.shutdown_timeout / core::kSecond);
      shutdown_timer_.start(settings_.shutdown_timeout);
    } else {
      log_.warning("{} again: stopping at once", signal);
      exit_code_ = kTryLater;
    }
    shutting_down_ = true;
    driver_.drain([this] { uv_stop(loop_); });
  }

  void out_of_time() {
    const core::Node& node = driver_.node();
    log_.warning("shutdown timeout: {} tasks here are ended, their users told they are lost",
                 node.tasks().all().size());
    exit_code_ = kTryLater;
    driver_.drain([this] { uv_stop(loop_); });
  }

  uv_loop_t* loop_;
  Log& log_;
  int argc_;
  const char* const* argv_;
  config::Settings settings_;
  Identity identity_;
  Driver driver_;
  ControlServer control_;
  Timer shutdown_timer_;
  std::unique_ptr<SignalHandle> hangup_, terminate_, interrupt_;
  bool shutting_down_ = false;
  int exit_code_ = 0;
};

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
  std::vector<core::Endpoint> seeds;
  for (const std::string& text : settings.seeds) {
    std::string error;
    const auto seed = net::resolve(text, error);
    if (!seed) return fail(log, "membership.seeds: " + text + ": " + error, kNoHost);
    seeds.push_back(*seed);
  }
  auto opened = Identity::open(settings.state_directory);
  if (const auto* error = std::get_if<StartError>(&opened))
    return fail(log, error->text, error->exit_code);

  uv_loop_t loop;
  uv_loop_init(&loop);
  int exit_code = 0;
  {
    Daemon daemon(&loop, log, argc, argv, settings, std::move(std::get<Identity>(opened)),
                  std::move(seeds));
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
