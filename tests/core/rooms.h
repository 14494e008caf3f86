// Who may look at whom: the rooms' rules, held against the text of one file.
#pragma once

#include <string>
#include <vector>

namespace core_test {

// The includes of a file that its room does not allow, as "core/x.h:3: <uv.h>". `path` is relative
// to the source tree and says which room the file is in; a file in none of the rooms is an error.
std::vector<std::string> forbidden_includes(const std::string& path, const std::string& text);

}  // namespace core_test
