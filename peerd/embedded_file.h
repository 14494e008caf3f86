// Files that are built apart and carried as bytes of a program: what is installed is one file, and
// cannot be of two versions.
#pragma once

#include <string_view>

#include "peerd/unique_fd.h"

// Defines `extern "C" const char name_begin[], name_end[]`: the bytes of the file at `path` as it
// was when this was compiled. To be used once for each name, outside of namespaces.
#define PEERD_EMBED(name, path)                                                          \
  asm(".section .rodata\n"                                                               \
      ".global " #name "_begin\n.global " #name "_end\n" #name "_begin: .incbin \"" path \
      "\"\n" #name                                                                       \
      "_end:\n"                                                                          \
      ".previous\n");                                                                    \
  extern "C" const char name##_begin[];                                                  \
  extern "C" const char name##_end[]

namespace peerd {

// A nameless file in memory with these bytes that may be executed and changes no more; closed on
// exec. `label` is what /proc shows. None if memory or descriptors are lacking, and errno says so.
UniqueFd in_memory(const char* label, std::string_view bytes);

}  // namespace peerd
