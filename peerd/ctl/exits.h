// How peerctl ends: exit codes that scripts may rely on, and problems in words.
//
// The task's own code passes through `run` and `wait`; the rest are sysexits' numbers and, for
// signals, the shell's.
#pragma once

#include <string>
#include <variant>

#include "core/types.h"
#include "net/control_frame.h"

namespace peerctl {

constexpr int kExitOk = 0;
constexpr int kExitSomeFailed = 1;     // of several
constexpr int kExitUsage = 64;         // the command line makes no sense
constexpr int kExitDataError = 65;     // the task is beyond a limit, or has ended already
constexpr int kExitNoInput = 66;       // an input file is missing or unreadable
constexpr int kExitNoTask = 67;        // no such task here
constexpr int kExitUnavailable = 69;   // no daemon, it went away, or the task is lost
constexpr int kExitSoftware = 70;      // peerctl itself failed
constexpr int kExitSystemError = 71;   // the system failed the task: disk full, output missing
constexpr int kExitCannotCreate = 73;  // an output cannot be written
constexpr int kExitIoError = 74;       // peerctl's own output cannot be written
constexpr int kExitProtocol = 76;      // peerctl and peerd do not understand each other
constexpr int kExitNoPermission = 77;  // the socket, or the task, is someone else's
constexpr int kExitSignalBase = 128;   // plus the signal's number
constexpr int kExitBrokenPipe = 141;   // whoever read our output is gone
constexpr int kExitCancelled = 143;    // cancelled by someone else

// What went wrong, in one line without the program's name, and the code to exit with.
struct Problem {
  int code = kExitOk;
  std::string message;
  bool operator==(const Problem&) const = default;
};

template <typename T>
using Result = std::variant<T, Problem>;

Problem to_problem(const net::Failure& failure);

int exit_code(const core::ExitStatus& status);
// What the user should hear of an end: empty for a plain exit.
std::string ending_in_words(const net::Ended& ended);
// The codes as help shows them.
const char* exit_codes_help();

}  // namespace peerctl
