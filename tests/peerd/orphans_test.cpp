#include "peerd/orphans.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "peerd/spawn.h"
#include "peerd/unique_fd.h"
#include "tests/catch.h"
#include "tests/peerd/process_state.h"

using namespace peerd;

namespace {

constexpr core::PeerId kSelf{0xa1b2c3d4e5f60718};
constexpr core::PeerId kOther{0xa1b2c3d4e5f60719};

// A session of its own, as of a task that an executor has left behind.
pid_t start_task_of(core::PeerId peer, const std::string& script) {
  const UniqueFd null(::fcntl(UniqueFd(::open("/dev/null", O_RDWR)).get(), F_DUPFD_CLOEXEC, 3));
  const std::vector<std::string> arguments = {"sh", "-c", script};
  const std::vector<std::string> environment = {std::string(kPeerVariable) + "=" + peer_mark(peer)};
  SpawnRequest request{arguments, environment, "/"};
  request.stdin_fd = request.stdout_fd = request.stderr_fd = null.get();
  return spawn(request).pid;
}

}  // namespace

TEST_CASE("what an earlier executor left running is known by its peer's mark, and ended") {
  // One that has cleared its environment is in the session of one that has not.
  const pid_t own = start_task_of(kSelf, "env -i sleep 600; sleep 600");
  const pid_t others = start_task_of(kOther, "sleep 600");
  REQUIRE(own > 0);
  REQUIRE(others > 0);
  CHECK(eventually([&] { return end_orphans(kSelf) == 0 && !is_alive(own); }));
  CHECK(is_alive(others));
  ::kill(-others, SIGKILL);
  int status = 0;
  REQUIRE(::waitpid(own, &status, 0) == own);
  CHECK(WIFSIGNALED(status));
  REQUIRE(::waitpid(others, &status, 0) == others);
}
