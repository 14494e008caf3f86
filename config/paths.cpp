#include "config/paths.h"

#include <unistd.h>

#include <cstdlib>

namespace config {
namespace {

// The XDG base directory specification has relative paths ignored.
bool is_absolute(const char* path) {
  return path != nullptr && path[0] == '/';
}

}  // namespace

std::string state_directory_for(bool root, const char* xdg_state_home, const char* home) {
  if (root) return "/var/lib/peerd";
  if (is_absolute(xdg_state_home)) return std::string(xdg_state_home) + "/peerd";
  if (is_absolute(home)) return std::string(home) + "/.local/state/peerd";
  return "";
}

std::string default_state_directory() {
  return state_directory_for(geteuid() == 0, std::getenv("XDG_STATE_HOME"), std::getenv("HOME"));
}

std::string socket_in(const std::string& state_directory) {
  return state_directory.empty() ? "" : state_directory + "/control.sock";
}

std::string default_socket() {
  const char* given = std::getenv("PEERD_SOCKET");
  if (given != nullptr && given[0] != '\0') return given;
  return socket_in(default_state_directory());
}

}  // namespace config
