#include "peerd/ctl/tables.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include <fmt/format.h>

#include "peerd/ctl/exits.h"
#include "peerd/ctl/text.h"

namespace peerctl {

std::size_t output_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUnlimited;
  return size.ws_col;
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add(std::vector<std::string> cells) {
  assert(cells.size() == columns_.size());
  for (std::string& cell : cells) cell = sanitized(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text(std::size_t width) const {
  std::vector<std::string> titles;
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) {
    titles.push_back(column.title);
    widths.push_back(display_width(column.title));
  }
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string whole;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      whole += (i == 0 ? "" : "  ") + padded(cells[i], widths[i], columns_[i].right);
    }
    whole.erase(whole.find_last_not_of(' ') + 1);
    return clipped(whole, width) + "\n";
  };
  std::string text = line(titles);
  for (const auto& row : rows_) text += line(row);
  return text;
}

namespace {

std::string state_of(const net::TaskRow& row) {
  if (!row.ended || row.status.kind != core::ExitStatus::Kind::exited) return row.state;
  return fmt::format("exit {}", row.status.value);
}

std::string command_of(const net::TaskRow& row) {
  return row.note.empty() ? row.command : row.command + "  (" + row.note + ")";
}

std::string occupation(const net::PeerRow& row) {
  if (row.state != "self") return {};
  std::string text = fmt::format("{} of {} running, {} waiting", row.running,
                                 counted(row.slots, "slot"), row.waiting);
  if (row.reserved > 0) text += fmt::format(", {} coming", row.reserved);
  return text;
}

}  // namespace

std::string tasks_text(const std::vector<net::TaskRow>& rows, bool with_ended, std::size_t width) {
  std::vector<Column> columns = {{"TASK"},        {"STATE"},        {"OWNER"},     {"AGE", true},
                                 {"MOVES", true}, {"PROBES", true}, {"PRIO", true}};
  if (with_ended) columns.push_back({"RESPONSE", true});
  columns.push_back({"COMMAND"});
  Table table(columns);
  for (const net::TaskRow& row : rows) {
    std::vector<std::string> cells = {row.task,
                                      state_of(row),
                                      row.owner,
                                      human_duration(row.age_us),
                                      std::to_string(row.moves),
                                      std::to_string(row.probes),
                                      std::to_string(row.priority)};
    if (with_ended) cells.push_back(human_duration(row.response_us));
    cells.push_back(command_of(row));
    table.add(std::move(cells));
  }
  return table.text(width);
}

std::string peers_text(const std::vector<net::PeerRow>& rows, std::size_t width) {
  Table table(
      {{"PEER"}, {"STATE"}, {"ROLE"}, {"LOAD", true}, {"KNOWN", true}, {"ADDRESS"}, {"TASKS"}});
  for (const net::PeerRow& row : rows) {
    table.add({row.name, row.state, row.role, human_load(row.load),
               human_duration(row.known_age_us), row.address, occupation(row)});
  }
  return table.text(width);
}

std::string stats_text(const std::vector<net::StatRow>& rows) {
  std::size_t name_width = 0;
  std::size_t value_width = 0;
  for (const net::StatRow& row : rows) {
    name_width = std::max(name_width, display_width(sanitized(row.name)));
    value_width = std::max(value_width, std::to_string(row.value).size());
  }
  std::string text;
  const std::string* group = nullptr;
  for (const net::StatRow& row : rows) {
    if (group == nullptr || *group != row.group) text += sanitized(row.group) + "\n";
    group = &row.group;
    text += "  " + padded(sanitized(row.name), name_width, false) + "  " +
            padded(std::to_string(row.value), value_width, true) + "\n";
  }
  return text;
}

std::string ended_text(const net::Ended& ended) {
  const bool plain = ended.status.kind == core::ExitStatus::Kind::exited;
  const std::string words = ending_in_words(ended);
  std::string text = ended.task + "  ";
  if (plain) text += fmt::format("exit {}", ended.status.value) + (words.empty() ? "" : ": ");
  text += words;
  if (plain && !ended.ran_on.empty()) text += " on " + ended.ran_on;
  return sanitized(fmt::format("{}, {}, {}, {}", text, human_duration(ended.response_us),
                               counted(ended.moves, "move"), counted(ended.probes, "probe"))) +
         "\n";
}

}  // namespace peerctl
