// How peersim ends: sysexits' numbers.
#pragma once

namespace peersim {

constexpr int kExitOk = 0;
constexpr int kExitBroken = 1;      // `faults`: a promise was broken, or a trial could not be made
constexpr int kExitUsage = 64;      // the command line makes no sense
constexpr int kExitDataError = 65;  // the trace file holds something that is no task
constexpr int kExitNoInput = 66;    // the trace file cannot be read
constexpr int kExitUnavailable = 69;   // gnuplot is missing, or cannot draw
constexpr int kExitSoftware = 70;      // peersim itself failed
constexpr int kExitCannotCreate = 73;  // the output directory or a file in it
constexpr int kExitIoError = 74;       // the output cannot be written
constexpr int kExitConfig = 78;        // the configuration is wrong

}  // namespace peersim
