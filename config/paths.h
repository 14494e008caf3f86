// Where peerd keeps its things and where peerctl finds it, unless told otherwise.
#pragma once

#include <cstddef>
#include <string>

namespace config {

// sun_path of a Unix socket address without its final zero.
constexpr std::size_t kMaxSocketPathBytes = 107;

// /var/lib/peerd as root, else $XDG_STATE_HOME/peerd, else ~/.local/state/peerd. Empty if the
// environment names no home.
std::string default_state_directory();
std::string state_directory_for(bool root, const char* xdg_state_home, const char* home);

std::string socket_in(const std::string& state_directory);  // STATE_DIRECTORY/control.sock

// For clients: $PEERD_SOCKET, else the socket of a daemon that runs with its defaults. Empty as
// above.
std::string default_socket();

}  // namespace config
