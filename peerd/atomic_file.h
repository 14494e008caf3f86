// Replaces a file in one step: whoever reads it, also after a crash or a power cut, finds either
// the old text or the new one, whole.
#pragma once

#include <optional>
#include <string>

namespace peerd {

// `name` in `directory`, mode 0600, synced together with its directory. Nullopt on success, else
// what failed ("cannot write /a/b: No space left on device"): then the old text may still be there.
std::optional<std::string> replace_file(const std::string& directory, const std::string& name,
                                        const std::string& text);

}  // namespace peerd
