#include "peerd/checkpoint/task_moves.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "peerd/checkpoint/cpu_times.h"
#include "peerd/checkpoint/criu.h"
#include "peerd/checkpoint/image_packer.h"
#include "peerd/checkpoint/image_unpacker.h"
#include "peerd/checkpoint/inspection.h"
#include "peerd/checkpoint/namespaces.h"
#include "peerd/checkpoint/remains.h"
#include "peerd/checkpoint/task_start.h"
#include "peerd/proc_files.h"
#include "peerd/process_tree.h"
#include "peerd/unique_fd.h"

namespace peerd {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLookEveryMs = 50;
constexpr int kLooksAgain = 20;  // at restored processes
constexpr auto kLookAgain = std::chrono::milliseconds(10);
constexpr std::uint64_t kTimeouts = 4;  // see criu.cpp

// Whoever ends: an init that was killed waits for all of its namespace to be reaped, and some of
// them may be this process's children.
void reap_until(pid_t last) {
  for (pid_t reaped = 0; reaped != last;) {
    reaped = ::waitpid(-1, nullptr, 0);
    if (reaped < 0 && errno != EINTR) return;
  }
}

// Children of this process, their subreaper: what is left of an operation that did not end well is
// waited for as long as there is hope, and then killed.
void end_children(const std::function<bool()>& hope) {
  for (;;) {
    const std::vector<pid_t> children = own_children();
    if (children.empty()) return;
    const pid_t child = children.front();
    const UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    pollfd ended = {handle.get(), POLLIN, 0};
    while (handle && hope() && ::poll(&ended, 1, kLookEveryMs) <= 0) continue;
    kill_tree(child);
    reap_until(child);
  }
}

bool no_hope() {
  return false;
}

std::uint64_t us_since(Clock::time_point begin) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count());
}

void wipe(const std::string& directory) {
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
}

void wipe_all(const std::string& runtime, const std::string& beginning) {
  for (const std::string& name : names_in(runtime)) {
    if (name.starts_with(beginning)) wipe(runtime + "/" + name);
  }
}

// Of mode 0700, and gone with its contents at the end.
class ImagesDirectory {
 public:
  explicit ImagesDirectory(const std::string& runtime)
      : path_(runtime + "/" + images_of(::getpid()) + "XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) {
      error_ = path_ + ": " + std::system_category().message(errno);
      path_.clear();
    }
  }
  ImagesDirectory(const ImagesDirectory&) = delete;
  ImagesDirectory& operator=(const ImagesDirectory&) = delete;
  ~ImagesDirectory() {
    if (!path_.empty()) wipe(path_);
  }
  void leave() { path_.clear(); }  // to wipe_images
  const std::string& path() const { return path_; }
  const std::string& error() const { return error_; }

 private:
  std::string path_;
  std::string error_;
};

Outcome failed(const std::string& message, bool lasting = false) {
  Outcome outcome;
  outcome.kind = lasting ? Outcome::Kind::not_movable : Outcome::Kind::failed;
  outcome.message = message;
  return outcome;
}

// Runs `work` in a child, so that whatever happens to it there is somebody to clean up: SIGTERM, or
// an end without an outcome, ends it and everything that it has started, and then `undo` is called.
// Whoever is still there after an outcome, a restored task, becomes a child of this process's
// parent when this one ends.
Outcome supervise(const std::function<bool()>& hope, const std::function<Outcome()>& work,
                  const std::function<void()>& undo) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // nobody waits for it when the executor is gone
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return failed("a pipe");
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t worker = ::fork();
  if (worker == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::sigprocmask(SIG_UNBLOCK, &signals, nullptr);
    const std::string line = to_line(work());
    ::_exit(::write(writer.get(), line.data(), line.size()) < 0 ? 1 : 0);
  }
  writer = UniqueFd();
  while (worker > 0) {
    const int signal = ::sigwaitinfo(&signals, nullptr);
    if (signal == SIGTERM) ::kill(worker, SIGKILL);
    if (::waitpid(worker, nullptr, WNOHANG) == worker) break;
  }
  char line[4096];
  const ssize_t size = ::read(reader.get(), line, sizeof line);
  const std::optional<Outcome> outcome =
      outcome_from({line, static_cast<std::size_t>(std::max<ssize_t>(size, 0))});
  if (outcome && outcome->kind == Outcome::Kind::done) return *outcome;
  end_children(hope);
  undo();
  return outcome.value_or(failed("ended by somebody"));
}

Outcome restore(const Move& move, const std::string& images, const std::string& cgroup) {
  for (const std::string& error : {join_cgroup(cgroup), enter_new_surroundings(move.stay)}) {
    if (!error.empty()) return failed(error);
  }
  const Criu criu = criu_at(move.criu, move.runtime);
  pid_t init = -1;
  const CriuResult restored = criu_restore({criu, images, move.timeout_s, {}}, init);
  if (!restored.error.empty()) return failed(restored.error, restored.lasting);
  std::string stranger = wrong_credentials(init, move.user);
  // A helper of CRIU's, which is root, may be on its way out.
  for (int again = 0; again < kLooksAgain && !stranger.empty(); ++again) {
    std::this_thread::sleep_for(kLookAgain);
    stranger = wrong_credentials(init, move.user);
  }
  if (!stranger.empty()) return failed(stranger);
  charge_cpu_times(init, images, move.user);
  const std::string unmounted = mount_proc_of(init);
  if (!unmounted.empty()) return failed(unmounted);
  Outcome outcome;
  outcome.kind = Outcome::Kind::done;
  outcome.init = init;
  return outcome;
}

Outcome dump(const Move& move, const ImagesDirectory& images, pid_t init) {
  const Clock::time_point begin = Clock::now();
  const std::string obstacle = inspect_task(init).obstacle;
  if (!obstacle.empty()) return failed(obstacle, true);
  ImagePacker packer(move.stream, move.user.uid);
  const Criu criu = criu_at(move.criu, move.runtime);
  const auto send_pages = [&] { packer.send_new_pages(images.path()); };
  const CriuResult dumped =
      criu_dump({criu, images.path(), move.timeout_s, send_pages}, init, move.user);
  Outcome outcome;
  outcome.criu_us = us_since(begin);
  // Once more, now that nothing changes any longer: CRIU takes some things along that mean nothing
  // elsewhere.
  const std::string now = dumped.error.empty() ? inspect_task(init).obstacle : std::string();
  if (!now.empty()) return failed(now, true);
  if (dumped.error.empty() && !note_cpu_times(init, images.path()))
    return failed("no room for the image");
  if (dumped.error.empty()) packer.finish(images.path(), move.stay);
  if (!packer.error().empty()) return failed(packer.error());
  if (!dumped.error.empty()) return failed(dumped.error, dumped.lasting);
  outcome.kind = Outcome::Kind::done;
  outcome.total_us = us_since(begin);
  outcome.bytes = packer.unpacked_bytes();
  outcome.packed_bytes = packer.packed_bytes();
  return outcome;
}

Outcome unpack_and_restore(const Move& move, const ImagesDirectory& images, std::uint64_t max_bytes,
                           const std::string& cgroup) {
  const Clock::time_point begin = Clock::now();
  ImageUnpacker unpacker(images.path(), move.stay, move.user, {.bytes = max_bytes});
  if (!unpacker.feed_from(move.stream)) return failed(unpacker.error());
  if (!share_output(move.stay)) return failed("what the task has printed");
  const Clock::time_point complete = Clock::now();
  Outcome outcome = restore(move, images.path(), cgroup);
  outcome.criu_us = us_since(complete);
  outcome.total_us = us_since(begin);
  outcome.bytes = unpacker.unpacked_bytes();
  return outcome;
}

}  // namespace

Outcome check_moves(const std::string& runtime, const std::string& criu) {
  wipe_all(runtime, "images-");
  const Criu found = find_criu(criu, runtime);
  Outcome outcome = failed(found.reason);
  if (found.program.empty()) return outcome;
  outcome.kind = Outcome::Kind::done;
  outcome.message = found.program + " " + found.version;
  return outcome;
}

Outcome send_task(const Move& move, pid_t init) {
  const ImagesDirectory images(move.runtime);
  if (images.path().empty()) return failed(images.error());
  // A CRIU that dumps lets the task go, if it is left to it.
  const auto deadline = Clock::now() + std::chrono::seconds(kTimeouts * move.timeout_s);
  return supervise([&] { return !is_dying(init) && Clock::now() < deadline; },
                   [&] { return dump(move, images, init); }, [&] { resume_task(init); });
}

Outcome receive_task(const Move& move, std::uint64_t max_bytes, const std::string& cgroup) {
  ImagesDirectory images(move.runtime);
  if (images.path().empty()) return failed(images.error());
  Outcome outcome = supervise(
      no_hope, [&] { return unpack_and_restore(move, images, max_bytes, cgroup); }, [] {});
  if (outcome.kind == Outcome::Kind::done) images.leave();
  return outcome;
}

Outcome wipe_images(const std::string& runtime, pid_t process) {
  wipe_all(runtime, images_of(process));
  Outcome outcome;
  outcome.kind = Outcome::Kind::done;
  return outcome;
}

}  // namespace peerd
