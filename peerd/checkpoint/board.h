// What a checkpoint depends on besides files: the processor and the kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace peerd {

struct Board {
  std::string architecture;               // "x86_64", "riscv64"
  int kernel_major = 0;                   // 6
  int kernel_minor = 0;                   // 12
  std::uint64_t page_bytes = 0;           // of memory
  std::string address_space;              // riscv64: "sv39", "sv48"
  std::vector<std::string> cpu_features;  // sorted: flags, ISA extensions
  bool has_unsaved_registers = false;     // vector registers that CRIU does not save (riscv64)

  bool operator==(const Board&) const = default;
};

Board this_board();
// From the text of /proc/cpuinfo; for `this_board` and for tests.
void read_processor(std::string_view cpuinfo, Board& board);

// Why a task that runs on `from` cannot go on on `to`; empty if it can. A program chooses its code
// by what the processor had when it started: everything must be there, more may be.
std::string cannot_go_on(const Board& from, const Board& to);

// One line, for messages to other peers; nothing if it is none. At most kMaxBoardBytes.
inline constexpr std::size_t kMaxBoardBytes = 16 * 1024;
std::string to_text(const Board& board);
std::optional<Board> board_from(std::string_view text);

}  // namespace peerd
