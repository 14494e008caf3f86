// peerd-executor: started by peerd, see executor_server.h.
//
//     peerd-executor STATE_DIRECTORY PEER [root-tasks]
#include <sysexits.h>
#include <uv.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "peerd/executor_server.h"
#include "peerd/log.h"
#include "peerd/orphans.h"
#include "peerd/signal_handle.h"

namespace peerd {
namespace {

int run(const std::string& state_directory, core::PeerId peer, bool root_tasks) {
  Log log;
  uv_loop_t loop;
  uv_loop_init(&loop);
  int exit_code = 0;
  {
    const auto quit = [&loop] { uv_stop(&loop); };
    ExecutorServer server(&loop, log, state_directory, peer, root_tasks, quit);
    const std::string error = server.listen();
    if (error.empty()) {
      // Of an executor that was killed: whoever is listened to has no task yet.
      if (const std::size_t ended = end_orphans(peer); ended > 0)
        log.warning("ended {} processes that tasks of an earlier run left running", ended);
      end_stranded_tasks(state_directory + "/work");
      take_tree(state_directory + "/work", TaskUsers(state_directory, root_tasks).owner());
      std::signal(SIGHUP, SIG_IGN);
      const SignalHandle terminate(&loop, SIGTERM, quit);
      const SignalHandle interrupt(&loop, SIGINT, quit);
      uv_run(&loop, UV_RUN_DEFAULT);
    } else {
      log.error("executor: {}", error);
      exit_code = EX_UNAVAILABLE;
    }
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  return exit_code;
}

}  // namespace
}  // namespace peerd

int main(int argc, char** argv) {
  const bool root_tasks = argc == 4 && std::string_view(argv[3]) == peerd::kRootTasks;
  if (argc != 3 && !root_tasks) {
    std::fputs("peerd-executor is started by peerd\n", stderr);
    return EX_USAGE;
  }
  return peerd::run(argv[1], core::PeerId{std::strtoull(argv[2], nullptr, 16)}, root_tasks);
}
