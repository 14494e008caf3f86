#include "peerd/checkpoint/elf_build_id.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "peerd/unique_fd.h"

namespace peerd {
namespace {

constexpr std::size_t kMaxProgramHeaders = 256;
constexpr std::uint64_t kMaxNoteBytes = 64 * 1024;

bool read_at(int fd, void* to, std::size_t size, std::uint64_t offset) {
  return ::pread(fd, to, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    const auto value = static_cast<std::uint8_t>(byte);
    text += kDigits[value >> 4];
    text += kDigits[value & 15];
  }
  return text;
}

std::size_t aligned(std::size_t size) {
  return (size + 3) & ~std::size_t{3};
}

std::string build_id_among(std::string_view notes) {
  Elf64_Nhdr note;
  while (notes.size() >= sizeof note) {
    std::memcpy(&note, notes.data(), sizeof note);
    notes.remove_prefix(sizeof note);
    const std::size_t name_size = aligned(note.n_namesz);
    const std::size_t content_size = aligned(note.n_descsz);
    if (name_size > notes.size() || content_size > notes.size() - name_size) break;
    if (note.n_type == NT_GNU_BUILD_ID && notes.starts_with(std::string_view("GNU\0", 4)))
      return hexadecimal(notes.substr(name_size, note.n_descsz));
    notes.remove_prefix(name_size + content_size);
  }
  return {};
}

}  // namespace

std::string elf_build_id(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  Elf64_Ehdr header;
  if (!file || !read_at(file.get(), &header, sizeof header, 0)) return {};
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_phnum > kMaxProgramHeaders)
    return {};
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part;
    if (!read_at(file.get(), &part, sizeof part, header.e_phoff + i * sizeof part)) return {};
    if (part.p_type != PT_NOTE || part.p_filesz > kMaxNoteBytes) continue;
    std::vector<char> notes(part.p_filesz);
    if (!read_at(file.get(), notes.data(), notes.size(), part.p_offset)) return {};
    const std::string id = build_id_among({notes.data(), notes.size()});
    if (!id.empty()) return id;
  }
  return {};
}

}  // namespace peerd
