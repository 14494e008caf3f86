#include "peerd/checkpoint/board.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <sstream>
#include <utility>

#include "peerd/proc_files.h"

namespace peerd {
namespace {

constexpr std::string_view kTag = "board-1";

// Of x86's flags those that programs choose their code by. Others tell of the kernel, of
// mitigations, of power.
constexpr std::string_view kForPrograms[] = {
    "3dnow",      "abm",      "adx",        "aes",     "amx",      "avx",   "bmi",    "cldemote",
    "clflush",    "clwb",     "cmov",       "cx16",    "cx8",      "erms",  "f16c",   "fma",
    "fpu",        "fsgsbase", "fsrm",       "fxsr",    "gfni",     "lahf",  "mmx",    "movbe",
    "movd",       "ospke",    "pclmulqdq",  "popcnt",  "prefetch", "rdpid", "rdrand", "rdseed",
    "rdtscp",     "rtm",      "serialize",  "sha",     "sse",      "ssse3", "tbm",    "tsc",
    "user_shstk", "vaes",     "vpclmulqdq", "waitpkg", "xop",      "xsave"};

bool is_for_programs(std::string_view flag) {
  return std::any_of(std::begin(kForPrograms), std::end(kForPrograms),
                     [&](std::string_view start) { return flag.starts_with(start); });
}

// "rv64imafdc_zicsr_zifencei": base and single letters, then names.
std::vector<std::string> riscv_extensions(std::string_view isa) {
  std::vector<std::string> extensions;
  const std::size_t names = std::min(isa.find('_'), isa.size());
  constexpr std::size_t kBase = 4;  // "rv64"
  for (std::size_t i = kBase; i < names; ++i) extensions.emplace_back(1, isa[i]);
  std::istringstream rest{std::string(isa.substr(names))};
  for (std::string name; std::getline(rest, name, '_');) {
    if (!name.empty()) extensions.push_back(name);
  }
  return extensions;
}

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream list{std::string(text)};
  return {std::istream_iterator<std::string>(list), std::istream_iterator<std::string>()};
}

std::string kernel_of(const Board& board) {
  return std::to_string(board.kernel_major) + "." + std::to_string(board.kernel_minor);
}

}  // namespace

void read_processor(std::string_view cpuinfo, Board& board) {
  board.address_space = field_of(cpuinfo, "mmu");
  const std::string_view isa = field_of(cpuinfo, "isa");
  board.cpu_features = isa.empty() ? words_of(field_of(cpuinfo, "flags")) : riscv_extensions(isa);
  if (isa.empty()) std::erase_if(board.cpu_features, std::not_fn(is_for_programs));
  std::sort(board.cpu_features.begin(), board.cpu_features.end());
  board.has_unsaved_registers =
      !isa.empty() && std::binary_search(board.cpu_features.begin(), board.cpu_features.end(), "v");
}

Board this_board() {
  Board board;
  utsname system;
  if (::uname(&system) == 0) {
    board.architecture = system.machine;
    char dot = '.';
    std::istringstream(system.release) >> board.kernel_major >> dot >> board.kernel_minor;
  }
  board.page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  read_processor(read_text("/proc/cpuinfo"), board);
  return board;
}

std::string cannot_go_on(const Board& from, const Board& to) {
  if (from.architecture != to.architecture)
    return "made for " + from.architecture + ", not " + to.architecture;
  if (from.page_bytes != to.page_bytes) return "memory pages of another size";
  if (from.address_space != to.address_space)
    return "address space " + from.address_space + ", not " + to.address_space;
  if (std::pair(from.kernel_major, from.kernel_minor) > std::pair(to.kernel_major, to.kernel_minor))
    return "kernel " + kernel_of(to) + " is older than " + kernel_of(from);
  std::vector<std::string> missing;
  std::set_difference(from.cpu_features.begin(), from.cpu_features.end(), to.cpu_features.begin(),
                      to.cpu_features.end(), std::back_inserter(missing));
  return missing.empty() ? std::string() : "the processor has no " + missing.front();
}

std::string to_text(const Board& board) {
  std::string text = std::string(kTag) + " " + board.architecture + " " +
                     std::to_string(board.kernel_major) + " " + std::to_string(board.kernel_minor) +
                     " " + std::to_string(board.page_bytes) + " " +
                     (board.address_space.empty() ? "-" : board.address_space) + " " +
                     (board.has_unsaved_registers ? "1" : "0");
  for (const std::string& feature : board.cpu_features) text += " " + feature;
  return text;
}

std::optional<Board> board_from(std::string_view text) {
  if (text.size() > kMaxBoardBytes) return std::nullopt;
  std::istringstream fields{std::string(text)};
  Board board;
  std::string tag;
  fields >> tag >> board.architecture >> board.kernel_major >> board.kernel_minor >>
      board.page_bytes >> board.address_space >> board.has_unsaved_registers;
  if (!fields || tag != kTag) return std::nullopt;
  if (board.address_space == "-") board.address_space.clear();
  for (std::string feature; fields >> feature;) board.cpu_features.push_back(feature);
  std::sort(board.cpu_features.begin(), board.cpu_features.end());
  return board;
}

}  // namespace peerd
