#include "peerd/ctl/exits.h"

#include <cstring>

#include <fmt/format.h>

namespace peerctl {

Problem to_problem(const net::Failure& failure) {
  const bool usable = failure.code > 0 && failure.code < kExitSignalBase;
  return {usable ? failure.code : kExitUnavailable, failure.message};
}

int exit_code(const core::ExitStatus& status) {
  switch (status.kind) {
    case core::ExitStatus::Kind::exited:
      return status.value & 0xff;
    case core::ExitStatus::Kind::signaled:
      return (kExitSignalBase + status.value) & 0xff;
    case core::ExitStatus::Kind::cancelled:
      return kExitCancelled;
    case core::ExitStatus::Kind::failed:
      return kExitSystemError;
    case core::ExitStatus::Kind::lost:
      return kExitUnavailable;
  }
  return kExitProtocol;
}

namespace {

std::string outline(const core::ExitStatus& status) {
  switch (status.kind) {
    case core::ExitStatus::Kind::exited:
      return {};
    case core::ExitStatus::Kind::signaled:
      return fmt::format("ended by signal {} ({})", status.value, ::strsignal(status.value));
    case core::ExitStatus::Kind::cancelled:
      return "cancelled";
    case core::ExitStatus::Kind::failed:
      return "failed";
    case core::ExitStatus::Kind::lost:
      return "lost";
  }
  return {};
}

}  // namespace

std::string ending_in_words(const net::Ended& ended) {
  const std::string what = outline(ended.status);
  if (what.empty()) return ended.message;
  const std::string where = ended.ran_on.empty() ? "" : " on " + ended.ran_on;
  return what + where + (ended.message.empty() ? "" : ": " + ended.message);
}

const char* exit_codes_help() {
  return "Exit codes:\n"
         "  0 ... 255  of a single task: its own code, 128+n if signal n ended it\n"
         "        126  the command is not executable where it ran\n"
         "        127  the command was not found where it ran\n"
         "          1  of several tasks, some failed\n"
         "         64  the command line makes no sense\n"
         "         65  the task's inputs are beyond a limit; to be cancelled, it has ended "
         "already\n"
         "         66  an input file is missing or unreadable\n"
         "         67  no such task here\n"
         "         69  no daemon answers, or it went away, or the task is lost\n"
         "         71  the task failed otherwise: the disk is full, an output was not produced or "
         "is\n"
         "             beyond a limit, ...\n"
         "         73  an output file cannot be written\n"
         "         74  what peerctl prints cannot be written\n"
         "         75  not now: the queue is full, the peer is stopping\n"
         "         76  peerctl and peerd do not understand each other\n"
         "         77  no permission: the daemon, or the task, is somebody else's\n"
         "        129  peerctl was ended by SIGHUP\n"
         "        130  by SIGINT (Ctrl-C)\n"
         "        141  whoever read peerctl's output is gone\n"
         "        143  peerctl was ended by SIGTERM, or the task was cancelled by someone else\n";
}

}  // namespace peerctl
