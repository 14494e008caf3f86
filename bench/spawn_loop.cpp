// The limit on this machine: COMMAND run COUNT times, PARALLEL at once, by posix_spawn and waitpid
// and nothing else.
//
//   spawn_loop COUNT PARALLEL COMMAND [ARGUMENTS...]
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

bool start(char* const* command) {
  pid_t pid = 0;
  const int error = posix_spawn(&pid, command[0], nullptr, nullptr, command, environ);
  if (error != 0) std::fprintf(stderr, "spawn_loop: %s: %s\n", command[0], std::strerror(error));
  return error == 0;
}

bool await_one() {
  int status = 0;
  return waitpid(-1, &status, 0) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("spawn_loop COUNT PARALLEL COMMAND [ARGUMENTS...]\n", stderr);
    return 64;
  }
  const long count = std::atol(argv[1]);
  const long parallel = std::atol(argv[2]);
  long started = 0;
  for (long ended = 0; ended < count; ++ended) {
    for (; started < count && started - ended < parallel; ++started)
      if (!start(argv + 3)) return 71;
    if (!await_one()) return 1;
  }
  return 0;
}
