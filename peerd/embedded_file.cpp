#include "peerd/embedded_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace peerd {
namespace {

// Where that is not said, newer kernels may forbid it to be executed, and older ones do not know
// it.
UniqueFd executable_memory(const char* label) {
  constexpr unsigned kExecutable = 0x10;  // MFD_EXEC, Linux 6.3
  UniqueFd file(::memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING | kExecutable));
  if (file || errno != EINVAL) return file;
  return UniqueFd(::memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING));
}

}  // namespace

UniqueFd in_memory(const char* label, std::string_view bytes) {
  UniqueFd file = executable_memory(label);
  if (!file) return file;
  if (::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return UniqueFd();
  ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  return file;
}

}  // namespace peerd
