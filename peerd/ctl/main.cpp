#include <csignal>
#include <cstdio>
#include <exception>

#include "peerd/ctl/verb.h"

int main(int argc, char** argv) {
  // A reader of ours that is gone shows as an error of write(), where it can be dealt with.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return peerctl::peerctl(peerctl::Words(argv + 1, argv + argc));
  } catch (const std::exception& error) {  // out of memory and the like
    std::fprintf(stderr, "peerctl: %s\n", error.what());
    return peerctl::kExitSoftware;
  }
}
