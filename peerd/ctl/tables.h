// What the daemon knows, as aligned text. Everything is sanitized.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "net/control_frame.h"

namespace peerctl {

constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

// Columns of a terminal, or kUnlimited if stdout is none.
std::size_t output_width();

struct Column {
  std::string title;
  bool right = false;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns);
  void add(std::vector<std::string> cells);  // one for each column
  // No line is wider than `width`: it is cut at the end, where the least important column stands.
  std::string text(std::size_t width) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

std::string tasks_text(const std::vector<net::TaskRow>& rows, bool with_ended, std::size_t width);
std::string peers_text(const std::vector<net::PeerRow>& rows, std::size_t width);
std::string stats_text(const std::vector<net::StatRow>& rows);
std::string ended_text(const net::Ended& ended);  // one line

}  // namespace peerctl
