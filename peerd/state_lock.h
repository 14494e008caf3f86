// One daemon per state directory.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "peerd/unique_fd.h"

namespace peerd {

// Why the daemon cannot start: one line for its user, and the exit code.
struct StartError {
  static constexpr int kDataError = 65;     // EX_DATAERR: a file is damaged
  static constexpr int kCannotCreate = 73;  // EX_CANTCREAT
  static constexpr int kInUse = 75;         // EX_TEMPFAIL: another daemon is there
  int exit_code = 0;
  std::string text;
};

// Holds STATE/lock until destroyed, or until the process ends in whatever way. Creates the
// directory, and those above it, with mode 0700 where missing.
class StateLock {
 public:
  static std::variant<StateLock, StartError> take(const std::string& state_directory);

 private:
  explicit StateLock(UniqueFd file) : file_(std::move(file)) {}

  UniqueFd file_;
};

}  // namespace peerd
