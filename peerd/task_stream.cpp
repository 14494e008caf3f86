#include "peerd/task_stream.h"

#include <cstddef>

namespace peerd {
namespace {

constexpr std::size_t kMaxTraceLinesKept = 1024;

}  // namespace

void write_trace(net::FrameStream& stream, std::span<const std::string> lines) {
  for (std::size_t at = 0; at < lines.size(); at += net::kMaxTraceLines) {
    net::StreamTrace trace;
    for (std::size_t i = at; i < lines.size() && i < at + net::kMaxTraceLines; ++i)
      trace.lines.push_back(lines[i].substr(0, net::kMaxTraceLineBytes));
    write_frame(stream, std::move(trace));
  }
}

void keep_trace(std::vector<std::string>& kept, const net::StreamTrace& frame) {
  for (const std::string& line : frame.lines)
    if (kept.size() < kMaxTraceLinesKept) kept.push_back(line);
}

std::string cut_error(const std::string& error) {
  return error.substr(0, net::kMaxErrorBytes);
}

}  // namespace peerd
