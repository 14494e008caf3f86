#include "peerd/process_tree.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <thread>

#include "peerd/unique_fd.h"
#include "tests/catch.h"
#include "tests/peerd/needs_root.h"
#include "tests/peerd/scratch_directory.h"

namespace {

constexpr peerd::TaskUser kNobody = {65534, 65534, {}};

// Stopped and traced, as what CRIU has just restored. It does as soon as it may.
[[noreturn]] void be_traced(const std::string& file) {
  ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  ::raise(SIGSTOP);
  std::ofstream(file) << "runs";
  ::_exit(0);
}

[[noreturn]] void trace(const std::string& file, int tell) {
  const pid_t traced = ::fork();
  if (traced == 0) be_traced(file);
  int status = 0;
  ::waitpid(traced, &status, 0);
  if (::write(tell, &traced, sizeof traced) != sizeof traced) ::_exit(1);
  for (;;) ::pause();
}

// Credentials are a thread's own: what the C library's calls hide.
[[noreturn]] void be_nobody_but_for_a_thread(int tell) {
  std::thread root([] {
    for (;;) ::pause();
  });
  ::syscall(SYS_setgroups, 0, nullptr);
  ::syscall(SYS_setresgid, kNobody.gid, kNobody.gid, kNobody.gid);
  ::syscall(SYS_setresuid, kNobody.uid, kNobody.uid, kNobody.uid);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (::write(tell, "", 1) != 1) ::_exit(1);
  for (;;) ::pause();
}

}  // namespace

TEST_CASE("a thread with other credentials than its process's is noticed") {
  if (!is_root()) return;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const peerd::UniqueFd reader(ends[0]);
  const peerd::UniqueFd writer(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) be_nobody_but_for_a_thread(writer.get());
  char told = 0;
  REQUIRE(::read(reader.get(), &told, 1) == 1);
  CHECK(peerd::wrong_credentials(child, kNobody).find("is not 65534:65534") != std::string::npos);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_CASE("of a tree that is killed nobody runs on because its tracer went first") {
  const ScratchDirectory scratch;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const peerd::UniqueFd reader(ends[0]);
  const peerd::UniqueFd writer(ends[1]);
  const pid_t top = ::fork();
  if (top == 0) trace(scratch / "file", writer.get());
  pid_t traced = -1;
  REQUIRE(::read(reader.get(), &traced, sizeof traced) == sizeof traced);
  const peerd::UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, traced, 0)));
  peerd::kill_tree(top);
  int status = 0;
  REQUIRE(::waitpid(top, &status, 0) == top);
  CHECK(WIFSIGNALED(status));
  pollfd ended = {handle.get(), POLLIN, 0};
  CHECK(::poll(&ended, 1, 20'000) == 1);
  CHECK(scratch.read("file").empty());
}
