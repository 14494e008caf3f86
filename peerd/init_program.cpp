#include "peerd/init_program.h"

#include <cstddef>

#include "peerd/embedded_file.h"

PEERD_EMBED(peerd_init, PEERD_INIT_PROGRAM);

namespace peerd {

std::string_view init_program() {
  return {peerd_init_begin, static_cast<std::size_t>(peerd_init_end - peerd_init_begin)};
}

}  // namespace peerd
