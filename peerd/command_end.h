// How a command ended, as init (init.cpp) says it of its own and waitpid of a child.
#pragma once

struct CommandEnd {
  long long cpu_us;  // its own, and that of its children that it has waited for
  int wait_status;   // as waitpid has it
};
