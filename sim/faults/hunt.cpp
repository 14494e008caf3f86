#include "sim/faults/hunt.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <vector>

#include "sim/faults/guard.h"
#include "sim/faults/plan.h"
#include "sim/faults/trial.h"

namespace sim::faults {
namespace {

// What a worker says of one seed: smaller than PIPE_BUF, so it comes in one piece.
struct Done {
  std::uint64_t seed = 0;
  std::uint64_t events = 0;
  bool failed = false;
};

struct Worker {
  pid_t pid = -1;
  int fd = -1;             // where it tells
  std::uint64_t next = 0;  // the seed it is at
};

[[noreturn]] void work(const HuntOptions& options, std::uint64_t first, int fd) {
  // What broke down is told once, by the trial that is made to show it.
  begin_child(true);
  for (std::uint64_t seed = first; seed <= options.last; seed += options.jobs) {
    if (options.deadline && std::chrono::steady_clock::now() >= *options.deadline) break;
    ::alarm(kPatience_s);
    const Verdict verdict = carry_out(draw_plan(seed, options.sabotage));
    const Done done{seed, verdict.events, verdict.failed()};
    if (::write(fd, &done, sizeof done) != sizeof done || done.failed) break;
  }
  std::_Exit(EXIT_SUCCESS);
}

class Pool {
 public:
  explicit Pool(const HuntOptions& options) : options_(options) {
    for (std::uint32_t i = 0; i < options.jobs; ++i) start(options.first + i);
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    for (const Worker& worker : workers_) {
      ::kill(worker.pid, SIGKILL);
      end(worker);
    }
  }

  HuntResult follow() {
    while (!workers_.empty() && !result_.failing && !result_.broken_off) listen();
    return result_;
  }

 private:
  void start(std::uint64_t first) {
    int ends[2];
    if (first > options_.last) return;
    if (::pipe2(ends, O_CLOEXEC) != 0) {
      result_.broken_off = true;
      return;
    }
    const pid_t child = ::fork();
    if (child == 0) work(options_, first, ends[1]);
    ::close(ends[1]);
    if (child > 0) return workers_.push_back({child, ends[0], first});
    ::close(ends[0]);
    result_.broken_off = true;
  }

  static int end(const Worker& worker) {
    int status = 0;
    ::close(worker.fd);
    while (::waitpid(worker.pid, &status, 0) < 0 && errno == EINTR) continue;
    return status;
  }

  void listen() {
    std::vector<pollfd> fds;
    for (const Worker& worker : workers_) fds.push_back({worker.fd, POLLIN, 0});
    if (::poll(fds.data(), fds.size(), -1) < 0) return;
    for (std::size_t i = fds.size(); i-- > 0;)
      if (fds[i].revents != 0 && !hear(workers_[i]))
        workers_.erase(workers_.begin() + static_cast<std::ptrdiff_t>(i));
    if (options_.on_progress) options_.on_progress(result_.done);
  }

  // False when it has ended.
  bool hear(Worker& worker) {
    Done done;
    if (::read(worker.fd, &done, sizeof done) != sizeof done) {
      const int status = end(worker);
      const bool broke_down = !WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS;
      if (broke_down && !result_.failing) result_.failing = worker.next;
      return false;
    }
    worker.next = done.seed + options_.jobs;
    result_.events += done.events;
    if (done.failed)
      result_.failing = done.seed;
    else
      ++result_.done;
    return true;
  }

  const HuntOptions& options_;
  std::vector<Worker> workers_;
  HuntResult result_;
};

}  // namespace

HuntResult hunt(const HuntOptions& options) {
  return Pool(options).follow();
}

}  // namespace sim::faults
