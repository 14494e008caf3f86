// Looks at a running task from outside, without disturbing it: could it move, what would it cost,
// what does it need at the destination? A look at something that changes: CRIU has the last word
// (criu.h), after the freeze.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "peerd/checkpoint/needed_files.h"

namespace peerd {

// A deleted file that is still open moves within the image, up to this size (sparse or not).
inline constexpr std::uint64_t kMaxDeletedFileBytes = 256ull * 1024 * 1024;

struct Inspection {
  std::string obstacle;  // empty: it may move; else one line: "a network socket is open (nc)"
  std::uint64_t resident_bytes = 0;  // memory to be moved: what is not backed by a file
  std::uint64_t processes = 0;       // with init
  std::vector<NeededFile> files;     // outside its directory, sorted by path
};

// Blocking, with some system calls per descriptor and mapping, and a few more for each file; needs
// root. `init` must be one of start_task or a restore. Found are: network sockets, terminals,
// devices, io_uring and other special descriptors, deleted files that are too large, files outside
// the task's directory opened for writing or mapped shared and writable, System V shared memory,
// processes that are traced or have made namespaces of their own, vector registers that would be
// lost (riscv64). Not found before the freeze are: Unix sockets and pipes that somebody outside has
// the other end of.
Inspection inspect_task(pid_t init);

}  // namespace peerd
