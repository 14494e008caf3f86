// Short texts of /proc.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace peerd {

// "/proc/PID/NAME".
std::string proc_path(pid_t pid, std::string_view name);
// The whole text; empty if it cannot be read (the process is gone).
std::string read_text(const std::string& path);
// Where a symbolic link leads; empty on failure.
std::string read_link(const std::string& path);
// Names in a directory, sorted; without "." and "..".
std::vector<std::string> names_in(const std::string& directory);
// A number out of /proc/PID/stat, whose fields count from 1 as in proc(5); from the third on. 0 if
// the process is gone.
unsigned long long stat_number(pid_t pid, int field);
// The rest of the line "KEY: value" of a text, without the white space around it; empty if there is
// none.
std::string_view field_of(std::string_view text, std::string_view key);
// Calls with each line, without its end.
template <class Function>
void for_each_line(std::string_view text, Function function) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    function(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace peerd
