// What /proc says of other processes, for tests that start some.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>

// 'R', 'S', 'T' ...; 0 if it is gone.
inline char state_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::size_t name_end = text.rfind(") ");
  return name_end == std::string::npos ? '\0' : text[name_end + 2];
}

// Zombies, which wait for init to notice, do not count.
inline bool is_alive(pid_t pid) {
  const char state = state_of(pid);
  return state != '\0' && state != 'Z' && state != 'X';
}

// Looks every 10 ms, for up to half a minute.
template <class Condition>
bool eventually(Condition condition) {
  for (int attempt = 0; attempt < 3000; ++attempt) {
    if (condition()) return true;
    ::usleep(10'000);
  }
  return condition();
}
