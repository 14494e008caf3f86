#include "config/paths.h"

#include <cstdlib>

#include "tests/catch.h"

TEST_CASE("the state directory depends on who runs the daemon") {
  using config::state_directory_for;
  CHECK(state_directory_for(true, "/x", "/home/a") == "/var/lib/peerd");
  CHECK(state_directory_for(false, "/x", "/home/a") == "/x/peerd");
  CHECK(state_directory_for(false, nullptr, "/home/a") == "/home/a/.local/state/peerd");
  CHECK(state_directory_for(false, "", "/home/a") == "/home/a/.local/state/peerd");
  CHECK(state_directory_for(false, "relative", "/home/a") == "/home/a/.local/state/peerd");
  CHECK(state_directory_for(false, nullptr, nullptr).empty());
  CHECK(config::socket_in("/x").compare("/x/control.sock") == 0);
  CHECK(config::socket_in("").empty());
}

TEST_CASE("clients find the socket by the environment, else by the defaults") {
  ::setenv("PEERD_SOCKET", "/run/b1.sock", 1);
  CHECK(config::default_socket() == "/run/b1.sock");
  ::setenv("PEERD_SOCKET", "", 1);
  CHECK(config::default_socket() == config::socket_in(config::default_state_directory()));
  ::unsetenv("PEERD_SOCKET");
  CHECK(config::default_socket() == config::socket_in(config::default_state_directory()));
}
