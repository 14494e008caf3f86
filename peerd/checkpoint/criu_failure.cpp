#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "peerd/checkpoint/criu.h"
#include "peerd/proc_files.h"

namespace peerd {
namespace {

struct Known {
  std::string_view said;  // by CRIU
  std::string_view means;
  bool lasting;
};

// In the order of how much they tell: the first that is anywhere in the log is the reason.
constexpr Known kKnown[] = {
    {"No space left on device", "no room for the image", false},
    {"Cannot allocate memory", "out of memory", false},
    {"Timeout reached", "it could not be frozen in time", false},
    {"External socket is used", "a socket to a process outside is open", true},
    {"unix socket", "a socket to a process outside is open", true},
    {"Connected TCP socket", "a network socket is open", true},
    {"tty", "a terminal is open", true},
    {"io_uring", "io_uring is in use", true},
    {"Can't dump ghost file", "a deleted file that is open is too large", true},
    {"--link-remap", "a file is open that has lost its name but has others", true},
    {"SysVIPC", "it uses System V shared memory", true},
    {"doesn't live in IPC ns", "it uses System V shared memory", true},
    {"Build-ID", "a program or library differs here", true},
    {"has bad size", "a file has another size here", true},
    {"has bad mode", "a file has another mode here", true},
    {"already exists", "its process numbers are taken", false},
    {"No such process", "it ended meanwhile", false},
    {"is a zombie", "it ended meanwhile", false},
};

constexpr std::string_view kNoise[] = {"RLIMIT_NOFILE for self", "Dumping FAILED",
                                       "Restoring FAILED"};

// "(00.012345) pie: 7: Error (criu/file.c:12): what" -> "what"
std::string_view bare(std::string_view line) {
  const std::size_t at = line.find("Error (");
  const std::size_t end = line.find("): ", at);
  return end == std::string_view::npos ? line : line.substr(end + 3);
}

bool is_noise(std::string_view line) {
  return std::any_of(std::begin(kNoise), std::end(kNoise), [&](std::string_view noise) {
    return line.find(noise) != std::string_view::npos;
  });
}

std::vector<std::string_view> errors_in(std::string_view log) {
  std::vector<std::string_view> errors;
  for_each_line(log, [&](std::string_view line) {
    if (line.find("Error (") != std::string_view::npos && !is_noise(line))
      errors.push_back(bare(line));
  });
  return errors;
}

}  // namespace

CriuResult criu_failure(const std::string& log) {
  const std::vector<std::string_view> errors = errors_in(log);
  for (const Known& known : kKnown) {
    for (const std::string_view error : errors) {
      if (error.find(known.said) == std::string_view::npos) continue;
      return {std::string(known.means) + " (criu: " + std::string(error) + ")", known.lasting};
    }
  }
  // The first is the cause, the others are what came of it.
  if (errors.empty()) return {};
  return {"criu: " + std::string(errors.front()), true};
}

}  // namespace peerd
