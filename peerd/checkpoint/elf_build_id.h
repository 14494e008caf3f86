// The build id of an ELF file: the same program or library, built from the same sources in the same
// way.
#pragma once

#include <string>

namespace peerd {

// In hexadecimal; empty if the file is not ELF, has none, or cannot be read.
std::string elf_build_id(const std::string& path);

}  // namespace peerd
