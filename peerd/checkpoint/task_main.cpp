// peerd-task: one operation on one task, for the executor, which is its parent and a subreaper. It
// is a program of its own because namespaces are entered by whole processes with a single thread,
// and because an operation that hangs or crashes can then be ended without its executor.
//
//     peerd-task check   --runtime DIR [--criu PROGRAM]
//     peerd-task start   --stay DIR --uid N --gid N [--group N]... [--nice N] [--cpu-s N]
//                        [--address-space N] [--cgroup DIR] -- COMMAND...
//     peerd-task dump    --runtime DIR --criu PROGRAM --init PID --stay DIR --uid N --gid N
//                        --timeout-s N               the checkpoint goes to descriptor 3
//     peerd-task restore --runtime DIR --criu PROGRAM --stay DIR --uid N --gid N [--group N]...
//                        --max-bytes N --timeout-s N [--cgroup DIR]    it comes from descriptor 3
//     peerd-task wipe    --runtime DIR --process PID                   of a restore that is done
//
// The environment is the task's. Prints one line (outcome.h) and ends with 0 whenever it could do
// that.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/checkpoint/outcome.h"
#include "peerd/checkpoint/task_moves.h"
#include "peerd/checkpoint/task_start.h"

extern char** environ;

namespace peerd {
namespace {

constexpr int kStream = 3;

// "--key value" pairs; what follows "--" is the command.
class Arguments {
 public:
  Arguments(int count, char** values) {
    int i = 2;
    for (; i + 1 < count && std::strcmp(values[i], "--") != 0; i += 2)
      options_.emplace(values[i], values[i + 1]);
    for (++i; i < count; ++i) command_.emplace_back(values[i]);
  }

  std::string text(const std::string& key) const {
    const auto found = options_.find(key);
    return found == options_.end() ? std::string() : found->second;
  }
  template <typename Number>
  Number number(const std::string& key) const {
    return static_cast<Number>(std::strtoll(text(key).c_str(), nullptr, 10));
  }
  TaskUser user() const {
    TaskUser user = {number<uid_t>("--uid"), number<gid_t>("--gid"), {}};
    const auto [begin, end] = options_.equal_range("--group");
    for (auto group = begin; group != end; ++group)
      user.groups.push_back(static_cast<gid_t>(std::strtoul(group->second.c_str(), nullptr, 10)));
    return user;
  }
  const std::vector<std::string>& command() const { return command_; }

 private:
  std::multimap<std::string, std::string> options_;
  std::vector<std::string> command_;
};

Outcome failure(const std::string& message) {
  Outcome outcome;
  outcome.message = message;
  return outcome;
}

Outcome check(const Arguments& arguments) {
  return check_moves(arguments.text("--runtime"), arguments.text("--criu"));
}

Outcome start(const Arguments& arguments) {
  TaskStart task;
  task.stay = arguments.text("--stay");
  task.arguments = arguments.command();
  for (char** variable = environ; *variable != nullptr; ++variable)
    task.environment.emplace_back(*variable);
  task.user = arguments.user();
  task.nice = arguments.number<int>("--nice");
  task.cpu_limit_s = arguments.number<std::uint64_t>("--cpu-s");
  task.address_space_bytes = arguments.number<std::uint64_t>("--address-space");
  task.cgroup = arguments.text("--cgroup");
  if (task.arguments.empty()) return failure("peerd-task start: no command");
  const StartedTask started = start_task(task);
  Outcome outcome = failure(started.message);
  outcome.status = started.status;
  outcome.init = started.init;
  if (started.init > 0) outcome.kind = Outcome::Kind::done;
  return outcome;
}

Move move_of(const Arguments& arguments) {
  Move move;
  move.runtime = arguments.text("--runtime");
  move.criu = arguments.text("--criu");
  move.stay = arguments.text("--stay");
  move.user = arguments.user();
  move.stream = kStream;
  move.timeout_s = arguments.number<std::uint64_t>("--timeout-s");
  return move;
}

Outcome run(const std::string& operation, const Arguments& arguments) {
  if (operation == "check") return check(arguments);
  if (operation == "start") return start(arguments);
  if (operation == "wipe")
    return wipe_images(arguments.text("--runtime"), arguments.number<pid_t>("--process"));
  if (::fcntl(kStream, F_GETFD) < 0) return failure("peerd-task: no stream at descriptor 3");
  if (operation == "dump") return send_task(move_of(arguments), arguments.number<pid_t>("--init"));
  if (operation == "restore")
    return receive_task(move_of(arguments), arguments.number<std::uint64_t>("--max-bytes"),
                        arguments.text("--cgroup"));
  return failure("peerd-task: unknown operation " + operation);
}

}  // namespace
}  // namespace peerd

int main(int count, char** values) {
  if (count < 2) {
    std::cerr << "peerd-task is run by peerd's executor\n";
    return 64;
  }
  ::signal(SIGPIPE, SIG_IGN);
  const peerd::Outcome outcome = peerd::run(values[1], peerd::Arguments(count, values));
  std::cout << peerd::to_line(outcome) << '\n' << std::flush;
  // At once: whatever it started now would be in the task's PID namespace. A sanitizer's search for
  // leaks hangs there.
  ::_exit(std::cout ? 0 : 1);
}
